#include "controller/base/cgroup.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace stoker {
namespace {

// A folder that looks like /proc/self/cgroup and /sys/fs/cgroup.
class CgroupTest : public ::testing::Test {
 protected:
  CgroupTest() { std::filesystem::create_directories(root_); }
  ~CgroupTest() override { std::filesystem::remove_all(root_); }
  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_ / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

  const std::filesystem::path root_ =
      std::filesystem::temp_directory_path() / ("cgroup_test." + std::to_string(getpid()));
  const CgroupFiles files_{(root_ / "membership").string(), (root_ / "mount").string()};
};

TEST_F(CgroupTest, ReadsVersion2UpToTheRoot) {
  Write("membership", "0::/kubepods/pod1/worker\n");
  Write("mount/kubepods/pod1/worker/cpu.max", "max 100000\n");
  Write("mount/kubepods/pod1/cpu.max", "150000 100000\n");
  Write("mount/kubepods/cpu.max", "400000 100000\n");
  Write("mount/kubepods/pod1/worker/memory.max", "67108864\n");
  Write("mount/kubepods/pod1/worker/memory.current", "20000000\n");
  Write("mount/kubepods/pod1/worker/memory.stat", "anon 1\ninactive_file 5000000\nfile 2\n");
  Write("mount/kubepods/pod1/memory.max", "max\n");
  EXPECT_DOUBLE_EQ(CgroupCores(files_), 1.5);
  const auto memory = CgroupMemory(files_);
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->limit, 64 << 20);
  EXPECT_EQ(memory->used, 15'000'000);
}

TEST_F(CgroupTest, ReadsVersion1WhereEachControllerHasAFolder) {
  Write("membership", "7:cpu,cpuacct:/a\n4:memory:/b/c\n1:name=systemd:/x\n");
  Write("mount/cpu/a/cpu.cfs_quota_us", "50000\n");
  Write("mount/cpu/a/cpu.cfs_period_us", "100000\n");
  Write("mount/memory/b/c/memory.limit_in_bytes", "9223372036854771712\n");
  Write("mount/memory/b/memory.limit_in_bytes", "134217728\n");
  Write("mount/memory/b/memory.usage_in_bytes", "120000000\n");
  Write("mount/memory/b/memory.stat", "cache 9\ntotal_inactive_file 20000000\n");
  EXPECT_DOUBLE_EQ(CgroupCores(files_), 0.5);
  const auto memory = CgroupMemory(files_);
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->limit, 128 << 20);
  EXPECT_EQ(memory->used, 100'000'000);
}

TEST_F(CgroupTest, AContainersOwnGroupIsTheRootOfWhatIsMounted) {
  Write("membership", "4:memory:/kubepods/burstable/pod1/worker\n");
  Write("mount/memory/memory.limit_in_bytes", "33554432\n");
  Write("mount/memory/memory.usage_in_bytes", "1000\n");
  ASSERT_TRUE(CgroupMemory(files_));
  EXPECT_EQ(CgroupMemory(files_)->limit, 32 << 20);
}

TEST_F(CgroupTest, NoLimitIsNoLimit) {
  EXPECT_FALSE(CgroupMemory(files_)) << "no files at all";
  EXPECT_EQ(CgroupCores(files_), 0);
  Write("membership", "0::/\nnonsense\n");
  Write("mount/memory.max", "max\n");
  Write("mount/cpu.max", "max 100000\n");
  EXPECT_FALSE(CgroupMemory(files_));
  EXPECT_EQ(CgroupCores(files_), 0);
}

}  // namespace
}  // namespace stoker
