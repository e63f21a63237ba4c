#include "controller/schedule/cron.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace stoker::schedule {
namespace {

std::vector<std::vector<std::string>> ReadTable(const std::string& name) {
  std::ifstream file(std::string(STOKER_SOURCE_DIR) + "/tests/unit/schedule/" + name);
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::vector<std::string> cells;
    std::istringstream cell_stream(line);
    for (std::string cell; std::getline(cell_stream, cell, '\t');) cells.push_back(cell);
    rows.push_back(cells);
  }
  return rows;
}

std::string NextText(const std::string& expression, const std::string& zone_name,
                     const std::string& from) {
  const auto cron = Cron::Parse(expression);
  if (!cron) return "invalid";
  const auto zone = Zone::Find(zone_name);
  if (!zone) return zone.error().message;
  const auto next = cron->Next(*ParseTime(from), *zone);
  return next ? FormatTime(*next) : "never";
}

TEST(CronTest, AnswersAsRobfigCron) {
  const auto rows = ReadTable("robfig.tsv");
  ASSERT_GE(rows.size(), 500U);
  for (const auto& row : rows) {
    ASSERT_EQ(row.size(), 4U);
    EXPECT_EQ(NextText(row[0], row[1], row[2]), row[3])
        << row[0] << " in " << row[1] << " after " << row[2];
  }
}

TEST(CronTest, FollowsTheClocksOfThePlace) {
  const auto rows = ReadTable("dst.tsv");
  ASSERT_GE(rows.size(), 15U);
  for (const auto& row : rows) {
    ASSERT_EQ(row.size(), 5U) << row[0];
    std::string from = row[3];
    std::istringstream slots(row[4]);
    for (std::string slot; slots >> slot; from = slot)
      EXPECT_EQ(NextText(row[1], row[2], from), slot) << row[0] << ": after " << from;
  }
}

TEST(CronTest, FractionsOfASecondDoNotMoveASlot) {
  const auto zone = Zone::Find("Etc/UTC");
  const auto cron = Cron::Parse("* * * * *");
  const WallTime slot = *ParseTime("2026-11-27T06:00:00Z");
  EXPECT_EQ(cron->Next(slot - std::chrono::microseconds(1), *zone), slot);
  EXPECT_EQ(cron->Next(slot, *zone), slot + std::chrono::minutes(1));
}

TEST(CronTest, ErrorsNameTheFieldAndTheMend) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"61 * * * *", "minute: 61 is above 59"},
      {"* * 0 * *", "day of month: 0 is below 1"},
      {"* * * foo *", "month: \"foo\" is not a number or a name"},
      {"* x * * *", "hour: \"x\" is not a number"},
      {"*/0 * * * *", "minute: \"*/0\" has a step of 0"},
      {"9-5 * * * *", "minute: \"9-5\" begins after its end"},
      {"0 7 * *", "has 4 fields; a schedule has five"},
      {"TZ=Europe/Berlin 0 7 * * *", "set timeZone instead"},
      {"CRON_TZ=UTC 0 7 * * *", "set timeZone instead"},
      {"@fortnightly", "none of @hourly"},
      {"@every soon", "\"soon\" is not a duration"},
      {std::string(300, '1') + " * * * *", "longer than 256"},
  };
  for (const auto& [expression, part] : cases) {
    const auto cron = Cron::Parse(expression);
    ASSERT_FALSE(cron) << expression;
    EXPECT_EQ(cron.error().code, Code::kInvalid);
    EXPECT_NE(cron.error().message.find(part), std::string::npos) << cron.error().message;
  }
}

}  // namespace
}  // namespace stoker::schedule
