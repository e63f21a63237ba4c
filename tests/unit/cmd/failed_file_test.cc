#include "cmd/stoker/failed_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <sstream>
#include <thread>

#include "controller/base/hash.h"
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

TEST(FailedFileTest, WhatItWritesIsReadBackAsTheSameKeys) {
  const testing::TempDir dir;
  const std::string path = dir.path() + "/failed.jsonl";
  const std::vector<std::string> keys = {"product:7", "\xff\x00\x80 no text", "a\nb", "{brace}"};
  FailedFile file(path);
  ASSERT_TRUE(file.Open());
  for (const std::string& key : keys) file.Add(key, "HTTP404", "not there");
  ASSERT_TRUE(file.Keep());
  std::istringstream nothing;
  const auto list = ReadOnly(path, nothing);
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_EQ(list->keys->size(), keys.size());
  for (const std::string& key : keys) EXPECT_TRUE(list->keys->Contains(KeyHash(key))) << key;
  EXPECT_FALSE(list->keys->Contains(KeyHash("product:8")));
}

TEST(KeyListTest, IsNamedByItsContent) {
  const auto sha = [](const char* text) {
    std::istringstream in(text);
    return ReadKeyList(in)->sha256;
  };
  EXPECT_EQ(sha("a\nb\n"), sha("{\"key\":\"a\",\"reason\":\"Timeout\"}\n\nb"));
  EXPECT_NE(sha("a\nb\n"), sha("ab\n"));
  EXPECT_NE(sha("a\nb\n"), sha("b\na\n"));
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
