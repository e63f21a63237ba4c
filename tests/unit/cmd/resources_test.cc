#include "cmd/common/resources.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "controller/warming/net/loop_pool.h"

namespace stoker::cmd {
namespace {

class ResourcesTest : public ::testing::Test {
 protected:
  ~ResourcesTest() override { std::filesystem::remove_all(root_); }
  warming::RunOptions FittedTo(std::int64_t limit, int loops = 0) {
    std::filesystem::create_directories(root_);
    std::ofstream(root_ / "membership") << "0::/\n";
    std::ofstream(root_ / "memory.max") << limit << "\n";
    std::ofstream(root_ / "memory.current") << limit / 2 << "\n";
    warming::RunOptions options;
    options.loops = loops;
    FitToMemory(options, {(root_ / "membership").string(), root_.string()});
    return options;
  }

  const std::filesystem::path root_ =
      std::filesystem::temp_directory_path() / ("resources_test." + std::to_string(getpid()));
};

TEST_F(ResourcesTest, ASmallContainerHoldsFewerValuesAndBatches) {
  const warming::RunOptions options = FittedTo(64 << 20);
  EXPECT_EQ(options.value_bytes, 8 << 20);
  EXPECT_EQ(options.batch_bytes, 2 << 20);
  EXPECT_LE(options.loops, 2);
  ASSERT_TRUE(options.memory);
  ASSERT_TRUE(options.memory());
  EXPECT_EQ(options.memory()->used, 32 << 20);
}

TEST_F(ResourcesTest, ALargeOneHoldsNoMoreThanWithoutALimit) {
  const warming::RunOptions plain;
  const warming::RunOptions options = FittedTo(std::int64_t{64} << 30);
  EXPECT_EQ(options.value_bytes, plain.value_bytes);
  EXPECT_EQ(options.batch_bytes, plain.batch_bytes);
  EXPECT_EQ(options.loops, warming::AvailableCores());
}

TEST_F(ResourcesTest, ATinyOneStillWorksAndChosenLoopsStay) {
  const warming::RunOptions options = FittedTo(8 << 20, 3);
  EXPECT_EQ(options.value_bytes, 2 << 20);
  EXPECT_EQ(options.batch_bytes, 1 << 20);
  EXPECT_EQ(options.loops, 3);
}

}  // namespace
}  // namespace stoker::cmd
