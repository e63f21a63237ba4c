#include "cmd/common/compact_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace stoker::cmd {
namespace {

warming::Report ReportWithRows(int rows, const std::string& text) {
  warming::Report report;
  report.reason = "BelowMinimum";
  report.message = "too few entries are warm";
  report.progress.tally = {.discovered = 1000, .warmed = 900, .failed = 100};
  for (int i = 0; i < rows; ++i)
    report.progress.failures.push_back({"HTTP" + std::to_string(500 + i), 10, "key:" + text, text});
  return report;
}

TEST(CompactReportTest, KeepsEverythingWhereThereIsRoom) {
  const auto report = ReportWithRows(3, "the origin answered 503");
  const auto read = warming::ReportFromJson(nlohmann::json::parse(CompactReport(report)));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->progress.failures[2].sample_message, "the origin answered 503");
}

TEST(CompactReportTest, CutsMessagesBeforeRowsAndNeverTheTally) {
  for (const std::size_t length : {300U, 1000U, 20'000U}) {
    const std::string text = CompactReport(ReportWithRows(10, std::string(length, 'x')));
    EXPECT_LE(text.size(), kTerminationMessageBytes);
    const auto read = warming::ReportFromJson(nlohmann::json::parse(text));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->progress.tally.discovered, 1000);
    EXPECT_EQ(read->progress.tally.failed, 100);
    EXPECT_EQ(read->progress.failures.size(), 10U);
    EXPECT_EQ(read->reason, "BelowMinimum");
  }
}

TEST(CompactReportTest, HoldsTheLimitWhateverTheBytes) {
  for (const char* unit : {"\xC3\xA9", "\xFF", "\n", "\"", "\x01"}) {
    std::string text;
    for (int i = 0; i < 3000; ++i) text += unit;
    auto report = ReportWithRows(10, text);
    report.message = text;
    const std::string compact = CompactReport(report);
    EXPECT_LE(compact.size(), kTerminationMessageBytes);
    EXPECT_TRUE(warming::ReportFromJson(nlohmann::json::parse(compact)));
  }
}

}  // namespace
}  // namespace stoker::cmd
