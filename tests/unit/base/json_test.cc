#include "controller/base/json.h"

#include <gtest/gtest.h>

#include <string>

namespace stoker {
namespace {

std::string Nested(int levels, char open, char close) {
  return std::string(static_cast<std::size_t>(levels), open) +
         std::string(static_cast<std::size_t>(levels), close);
}

TEST(ParseJson, ReadsWhatIsShallow) {
  EXPECT_EQ((*ParseJson(R"({"a":[1,{"b":null}]})"))["a"][0], 1);
  EXPECT_TRUE(ParseJson(Nested(kMostJsonDepth, '[', ']')));
}

TEST(ParseJson, RefusesWhatIsDeep) {
  const auto deep = ParseJson(Nested(kMostJsonDepth + 1, '[', ']'));
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().message, "is nested more than 64 levels deep");
  EXPECT_FALSE(ParseJson(std::string(1'000'000, '['))) << "whether it ends or not";
  EXPECT_FALSE(ParseJson(std::string(1'000'000, '[') + "{"));
}

TEST(ParseJson, BracketsInStringsAreText) {
  const std::string text(1000, '[');
  EXPECT_EQ(ParseJson("\"" + text + "\"")->get<std::string>(), text);
  EXPECT_TRUE(ParseJson("{\"a\":\"\\\"" + text + "\"}")) << "behind an escaped quote";
  EXPECT_FALSE(ParseJson(R"(["\\",)" + std::string(100, '[')))
      << "an escaped backslash ends nothing";
}

TEST(ParseJson, SaysNothingOfTheText) {
  const auto bad = ParseJson("{\"password\": secret");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message, "is not JSON");
}

}  // namespace
}  // namespace stoker
