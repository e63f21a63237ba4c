#include "cmd/stoker/run_display.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

namespace stoker::cli {
namespace {

warming::Progress Midway() {
  warming::Progress progress;
  progress.tally = {
      .discovered = 10'000, .warmed = 4'000, .skipped = 210, .failed = 3, .left = 5'787};
  progress.enumerated = true;
  progress.percent = 42.1;
  progress.per_second = 480;
  progress.eta = Millis(12'300);
  return progress;
}

TEST(RunDisplayTest, ALineSaysHowFarHowFastHowLong) {
  EXPECT_EQ(ProgressText(Midway()), "4,210 of 10,000 (42.1%), 480/s, 12s to go, 3 failed");
}

TEST(RunDisplayTest, BeforeTheFirstEntryThereAreNoFigures) {
  EXPECT_EQ(ProgressText({}), "looking for entries");
  auto progress = Midway();
  progress.enumerated = false;
  EXPECT_TRUE(ProgressText(progress).starts_with("4,210 of 10,000 found so far, 480/s"));
}

TEST(RunDisplayTest, OneHundredPercentIsSaidOnlyWhenAllIsWarm) {
  auto progress = Midway();
  progress.tally = {.discovered = 10'000, .warmed = 9'999, .failed = 1};
  EXPECT_TRUE(ProgressText(progress).starts_with("9,999 of 10,000 (99.9%)"));
  progress.tally = {.discovered = 10'000, .warmed = 10'000};
  EXPECT_TRUE(ProgressText(progress).starts_with("10,000 of 10,000 (100.0%)"));
}

TEST(RunDisplayTest, SaysWhatIsWaitedForWithoutControlCharacters) {
  auto progress = Midway();
  progress.waiting = {"TargetUnavailable", "redis.shop:6379 refused\x1b[2J the connection"};
  EXPECT_TRUE(
      ProgressText(progress).ends_with("; waiting: redis.shop:6379 refused?[2J the connection"));
}

TEST(RunDisplayTest, SaysWhatARunMakesOfItsOrigin) {
  warming::Progress progress;
  progress.in_flight_limit = 4;
  progress.slowed = "a request took 35ms on average, and latency.slowAbove is 20ms";
  EXPECT_TRUE(ProgressText(progress).ends_with("; throttled to 4 in flight: " + progress.slowed));
  progress.circuit_open = "10 requests in a row failed, the last one by HTTP503";
  EXPECT_TRUE(ProgressText(progress).ends_with("; circuit open: " + progress.circuit_open));
  progress.stopped =
      warming::Stopped{"8 of the last 10 requests took longer than 2s", Millis(61'000)};
  EXPECT_TRUE(ProgressText(progress).ends_with(
      "; stopped: 8 of the last 10 requests took longer than 2s; goes on in 1m1s"));
}

TEST(RunDisplayTest, LinesTellAtOnceWhatTheRunBeginsToWaitFor) {
  std::ostringstream out, err;
  const auto display =
      MakeRunDisplay(DisplayKind::kLines, "shop/pages", out, err, std::chrono::minutes(1));
  const auto lines = [&] { return std::ranges::count(err.str(), '\n'); };
  SteadyTime now;
  const auto show = [&](const warming::Progress& progress) {
    now += std::chrono::seconds(1);
    display->Show(progress, now);
  };
  auto progress = Midway();
  show(progress);
  show(progress);
  EXPECT_EQ(lines(), 1);
  progress.waiting = {"TargetUnavailable", "redis.shop:6379 refused the connection"};
  show(progress);
  EXPECT_EQ(lines(), 2);
  EXPECT_NE(err.str().find("waiting: redis.shop:6379 refused"), std::string::npos);
  progress.waiting->message = "redis.shop:6379 closed the connection";
  show(progress);
  EXPECT_EQ(lines(), 2) << "the same trouble in other words";
  progress.waiting.reset();
  show(progress);
  progress.waiting = {"TargetUnavailable", "redis.shop:6379 refused the connection"};
  show(progress);
  EXPECT_EQ(lines(), 3) << "it came back";
}

TEST(RunDisplayTest, TheBarNeverExceedsTheTerminal) {
  EXPECT_EQ(ProgressBar(Midway(), 200).substr(0, 26), "[##########..............]");
  EXPECT_EQ(ProgressBar(Midway(), 40).size(), 40U);
  auto progress = Midway();
  progress.percent = 250;
  EXPECT_EQ(ProgressBar(progress, 200).substr(0, 26), "[" + std::string(24, '#') + "]");
}

TEST(RunDisplayTest, JsonHasTheTallyAtTheTopAndTheReportLast) {
  std::ostringstream out, err;
  const auto display = MakeRunDisplay(DisplayKind::kJson, "shop/pages", out, err);
  const SteadyTime start;
  display->Show(Midway(), start);
  display->Show(Midway(), start + Millis(500));  // too soon
  display->Show(Midway(), start + Millis(1000));
  warming::Report report;
  report.result = warming::Report::Result::kSucceeded;
  report.reason = "Warmed";
  report.progress = Midway();
  display->Finish(report);
  std::vector<nlohmann::json> lines;
  std::istringstream text(out.str());
  for (std::string line; std::getline(text, line);) lines.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0]["type"], "progress");
  for (const auto& line : lines) {  // one shape
    for (const char* member : {"failures", "percent", "targets", "phase", "warmed", "left"})
      EXPECT_TRUE(line.contains(member)) << member;
    for (const char* member : {"progress", "tally"}) EXPECT_FALSE(line.contains(member)) << member;
  }
  EXPECT_EQ(lines[2]["type"], "report");
  EXPECT_EQ(lines[2]["policy"], "shop/pages");
  EXPECT_EQ(lines[2]["discovered"], 10'000);
  EXPECT_EQ(lines[2]["warmed"], 4'000);
  EXPECT_EQ(lines[2]["reason"], "Warmed");
  EXPECT_EQ(err.str(), "");
}

TEST(RunDisplayTest, TheSummaryTellsTheTallyAndWhy) {
  warming::Report report;
  report.reason = "BelowMinimum";
  report.message = "4210 of 10000 entries are warm; 42.1 % is below the minimum of 95 %";
  report.cause = "42.1 % is below the minimum of 95 %";
  report.duration = Millis(20'400);
  report.progress = Midway();
  report.progress.failures = {{"HTTP404", 3, "page:7", "the origin answered 404"}};
  EXPECT_EQ(SummaryText("shop/pages", report),
            "shop/pages: failed in 20s: 4,000 warmed, 210 already there, 3 failed, 5,787 left of "
            "10,000 discovered\n"
            "BelowMinimum: 42.1 % is below the minimum of 95 %\n"
            "         3  HTTP404  page:7: the origin answered 404\n");
}

TEST(RunDisplayTest, NumbersAndDurationsReadWell) {
  EXPECT_EQ(Grouped(0), "0");
  EXPECT_EQ(Grouped(999), "999");
  EXPECT_EQ(Grouped(1'234'567), "1,234,567");
  EXPECT_EQ(Grouped(-1000), "-1,000");
  EXPECT_EQ(Grouped(-100), "-100");
  EXPECT_EQ(ShortDuration(Millis(840)), "0.8s");
  EXPECT_EQ(ShortDuration(Millis(200'900)), "3m20s");
}

}  // namespace
}  // namespace stoker::cli
