#include "controller/base/duration.h"

#include <gtest/gtest.h>

namespace stoker {
namespace {

TEST(ParseDuration, ReadsTheCrdsGrammar) {
  const struct {
    const char* text;
    std::int64_t ms;
  } kCases[] = {{"0s", 0},           {"500ms", 500},      {"5s", 5000},   {"1h30m", 5'400'000},
                {"90m", 5'400'000},  {"1m1s1ms", 61'001}, {"1s1s", 2000}, {"010s", 10'000},
                {"1h1ms", 3'600'001}};
  for (const auto& c : kCases) {
    const auto duration = ParseDuration(c.text);
    ASSERT_TRUE(duration) << c.text;
    EXPECT_EQ(duration->count(), c.ms) << c.text;
  }
}

TEST(ParseDuration, RefusesSignsFractionsOtherUnitsAndOverflow) {
  for (const char* text :
       {"", "5", "s", "-5s", "+5s", "1.5s", "1 s", "1d", "1w", "5S", "1us", "99999999999999999999h",
        "9223372036854775807ms", "1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s"}) {
    EXPECT_FALSE(ParseDuration(text)) << text;
  }
}

TEST(FormatDuration, IsTheShortestFormThatParsesBack) {
  for (const auto& [ms, text] : {std::pair<std::int64_t, const char*>{0, "0s"},
                                 {90'000, "1m30s"},
                                 {5'400'000, "1h30m"},
                                 {1, "1ms"},
                                 {3'600'001, "1h1ms"}}) {
    EXPECT_EQ(FormatDuration(Millis(ms)), text);
    EXPECT_EQ(ParseDuration(text)->count(), ms);
  }
}

}  // namespace
}  // namespace stoker
