#include "cmd/stoker/failed_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <thread>

#include "tests/support/process.h"

namespace stoker::cli {
namespace {

std::size_t FilesIn(const std::string& path) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path), {}));
}

TEST(FailedFileTest, TakesItsNameOnlyWhenKept) {
  const testing::TempDir dir;
  const std::string path = dir.path() + "/failed.jsonl";
  FailedFile file(path);
  ASSERT_TRUE(file.Open());
  file.Add("product:\"7\"", "HTTP404", "not there");
  EXPECT_FALSE(std::filesystem::exists(path));
  ASSERT_TRUE(file.Keep());
  EXPECT_EQ(testing::ReadFile(path),
            "{\"key\":\"product:\\\"7\\\"\",\"reason\":\"HTTP404\",\"message\":\"not there\"}\n");
  EXPECT_EQ(FilesIn(dir.path()), 1U);
}

TEST(FailedFileTest, LeavesNothingWhenNotKept) {
  const testing::TempDir dir;
  {
    FailedFile file(dir.path() + "/failed.jsonl");
    ASSERT_TRUE(file.Open());
    file.Add("key", "Timeout", "late");
  }
  EXPECT_EQ(FilesIn(dir.path()), 0U);
}

TEST(FailedFileTest, ABadPathNamesTheFlag) {
  FailedFile file("/no/such/folder/failed.jsonl");
  const Status opened = file.Open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(
      opened.error().message,
      "--failed-to /no/such/folder/failed.jsonl: cannot be written: No such file or directory");
}

TEST(FailedFileTest, ADirectoryIsRefusedBeforeTheRunAndNotAfterIt) {
  const testing::TempDir dir;
  FailedFile file(dir.path());
  const Status opened = file.Open();
  ASSERT_FALSE(opened);
  EXPECT_TRUE(opened.error().message.ends_with("cannot be written: it is a directory"))
      << opened.error().message;
}

TEST(FailedFileTest, AFullDiskIsSaidSo) {
  const testing::TempDir dir;
  const std::string path = dir.path() + "/failed.jsonl";
  FailedFile file(path);
  ASSERT_TRUE(file.Open());
  const rlimit whole = [] {
    rlimit limit{};
    getrlimit(RLIMIT_FSIZE, &limit);
    return limit;
  }();
  const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit tiny{.rlim_cur = 64, .rlim_max = whole.rlim_max};
  setrlimit(RLIMIT_FSIZE, &tiny);
  file.Add(std::string(1000, 'k'), "HTTP404", "not there");
  const Status kept = file.Keep();
  setrlimit(RLIMIT_FSIZE, &whole);
  std::signal(SIGXFSZ, ignored);
  ASSERT_FALSE(kept);
  EXPECT_TRUE(kept.error().message.ends_with("is the disk full?")) << kept.error().message;
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(FailedFileTest, IsAbandonedWhileAnotherThreadWrites) {
  const testing::TempDir dir;
  const std::string path = dir.path() + "/failed.jsonl";
  FailedFile file(path);
  ASSERT_TRUE(file.Open());
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    while (!stop) file.Add("key", "HTTP500", "the origin answered 500");
  });
  file.Abandon();
  EXPECT_EQ(FilesIn(dir.path()), 0U);
  stop = true;
  writer.join();
}

}  // namespace
}  // namespace stoker::cli
