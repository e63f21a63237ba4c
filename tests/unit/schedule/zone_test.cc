#include "controller/schedule/zone.h"

#include <gtest/gtest.h>

namespace stoker::schedule {
namespace {

TEST(ZoneTest, FindsNamesOfTheDatabase) {
  for (const char* name : {"Europe/Berlin", "Etc/UTC", "UTC", "America/Argentina/Buenos_Aires"}) {
    const auto zone = Zone::Find(name);
    ASSERT_TRUE(zone) << name;
    EXPECT_EQ(zone->name(), name);
  }
}

TEST(ZoneTest, RefusesWhatIsNotANameOfAPlace) {
  for (const char* name : {"", "Local", "local", "Mars/Olympus", "europe/berlin", "../etc/passwd",
                           "/etc/localtime", "right/UTC", "posix/UTC", "CET-1CEST", "+01:00"}) {
    const auto zone = Zone::Find(name);
    ASSERT_FALSE(zone) << name;
    EXPECT_EQ(zone.error().code, Code::kInvalid);
    EXPECT_NE(zone.error().message.find("Europe/Berlin"), std::string::npos);
  }
}

TEST(ZoneTest, WritesTheOffsetOfTheMoment) {
  const auto text = [](const char* zone, const char* time) {
    return Zone::Find(zone)->Format(*ParseTime(time));
  };
  EXPECT_EQ(text("Europe/Berlin", "2026-11-27T06:00:00Z"), "2026-11-27T07:00:00+01:00");
  EXPECT_EQ(text("Europe/Berlin", "2026-07-01T06:00:00Z"), "2026-07-01T08:00:00+02:00");
  EXPECT_EQ(text("America/St_Johns", "2026-01-01T00:00:00Z"), "2025-12-31T20:30:00-03:30");
  EXPECT_EQ(text("Etc/UTC", "2026-01-01T00:00:00Z"), "2026-01-01T00:00:00+00:00");
}

TEST(ZoneTest, APeriodHoldsTheInstant) {
  const auto zone = Zone::Find("Europe/Berlin");
  const auto change = std::chrono::floor<std::chrono::seconds>(*ParseTime("2026-03-29T01:00:00Z"));
  const auto before = zone->At(change - std::chrono::seconds(1));
  const auto after = zone->At(change);
  EXPECT_EQ(before.offset, std::chrono::hours(1));
  EXPECT_EQ(before.end, change);
  EXPECT_EQ(after.offset, std::chrono::hours(2));
  EXPECT_EQ(after.begin, change);
}

}  // namespace
}  // namespace stoker::schedule
