#include "controller/base/clock.h"

#include <gtest/gtest.h>

namespace stoker {
namespace {

using std::chrono::microseconds;

WallTime At(std::int64_t us) { return WallTime(microseconds(us)); }

TEST(ParseTime, ReadsWhatRfc3339Allows) {
  const struct {
    const char* text;
    std::int64_t us;
  } kCases[] = {
      {"1970-01-01T00:00:00Z", 0},
      {"1970-01-01T00:00:01.5Z", 1'500'000},
      {"1970-01-01T00:00:00.000001Z", 1},
      {"1970-01-01T00:00:00.0000019Z", 1},  // finer than a microsecond is cut
      {"1970-01-01T01:00:00+01:00", 0},
      {"1969-12-31T23:30:00-00:30", 0},
      {"2024-02-29T12:00:00Z", 1'709'208'000'000'000},
      {"2026-11-27t06:00:00z", 1'795'759'200'000'000},
  };
  for (const auto& c : kCases) {
    const auto time = ParseTime(c.text);
    ASSERT_TRUE(time) << c.text << ": " << time.error().message;
    EXPECT_EQ(*time, At(c.us)) << c.text;
  }
}

TEST(ParseTime, RefusesWhatIsNoTimeAndSaysWhatOneLooksLike) {
  for (const char* text :
       {"", "2026-11-27", "2026-11-27T06:00:00", "2026-13-01T00:00:00Z", "2023-02-29T00:00:00Z",
        "2026-11-27T24:00:00Z", "2026-11-27T06:60:00Z", "2026-11-27T06:00:00.Z",
        "2026-11-27T06:00:00+1:00", "2026-11-27T06:00:00Zx", "26-11-27T06:00:00Z"}) {
    const auto time = ParseTime(text);
    ASSERT_FALSE(time) << text;
    EXPECT_EQ(time.error().code, Code::kInvalid);
    EXPECT_NE(time.error().message.find("RFC 3339"), std::string::npos);
  }
}

TEST(FormatTime, WritesAsKubernetesDoesAndParsesBack) {
  const WallTime time = At(1'795'759'200'123'456);
  EXPECT_EQ(FormatTime(time), "2026-11-27T06:00:00Z");
  EXPECT_EQ(FormatMicroTime(time), "2026-11-27T06:00:00.123456Z");
  EXPECT_EQ(ParseTime(FormatMicroTime(time)).value(), time);
  EXPECT_EQ(FormatMicroTime(At(-1)), "1969-12-31T23:59:59.999999Z");
}

TEST(FakeClock, MovesBothTimesTogetherAndOnlyWhenTold) {
  FakeClock clock(At(1000));
  const SteadyTime before = clock.Steady();
  clock.Advance(microseconds(7));
  EXPECT_EQ(clock.Wall(), At(1007));
  EXPECT_EQ(clock.Steady() - before, microseconds(7));
}

}  // namespace
}  // namespace stoker
