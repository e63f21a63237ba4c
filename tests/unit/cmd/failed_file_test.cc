#include "cmd/stoker/failed_file.h"

#include <gtest/gtest.h>

#include <filesystem>

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
  EXPECT_EQ(opened.error().message,
            "--failed-to /no/such/folder/failed.jsonl: cannot be written: No such file or directory");
}

}  // namespace
}  // namespace stoker::cli
