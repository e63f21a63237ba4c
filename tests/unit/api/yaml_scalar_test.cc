#include "controller/api/yaml_scalar.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace stoker::api {
namespace {

using nlohmann::json;

struct Case {
  const char* text;
  json value;
};

class PlainScalarTest : public ::testing::TestWithParam<Case> {};

TEST_P(PlainScalarTest, ResolvesAsKubectlDoes) {
  const Result<json> value = ResolvePlainScalar(GetParam().text);
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_EQ(*value, GetParam().value);
  EXPECT_EQ(value->is_number_float(), GetParam().value.is_number_float()) << value->dump();
}

INSTANTIATE_TEST_SUITE_P(
    Words, PlainScalarTest,
    ::testing::Values(Case{"yes", true}, Case{"Yes", true}, Case{"YES", true}, Case{"on", true},
                      Case{"y", true}, Case{"True", true}, Case{"no", false}, Case{"off", false},
                      Case{"N", false}, Case{"FALSE", false}, Case{"", nullptr}, Case{"~", nullptr},
                      Case{"null", nullptr}, Case{"Null", nullptr}, Case{"nUll", "nUll"},
                      Case{"yEs", "yEs"}, Case{"oN", "oN"}, Case{"none", "none"}));

INSTANTIATE_TEST_SUITE_P(WholeNumbers, PlainScalarTest,
                         ::testing::Values(Case{"0", 0}, Case{"12", 12}, Case{"-12", -12},
                                           Case{"+12", 12}, Case{"010", 8}, Case{"0o17", 15},
                                           Case{"0O17", 15}, Case{"0x1F", 31}, Case{"-0x1f", -31},
                                           Case{"0b101", 5}, Case{"-0b101", -5},
                                           Case{"1_000", 1000},
                                           Case{"9223372036854775807", INT64_MAX},
                                           Case{"-9223372036854775808", INT64_MIN},
                                           Case{"18446744073709551615", UINT64_MAX}));

INSTANTIATE_TEST_SUITE_P(Fractions, PlainScalarTest,
                         ::testing::Values(Case{"1.5", 1.5}, Case{"-.5", -0.5}, Case{".5", 0.5},
                                           Case{"1.0", 1}, Case{"1e3", 1000}, Case{"1.", 1},
                                           Case{"08", 8}, Case{"1_0.5", 10.5},
                                           Case{"2.5e-1", 0.25}));

INSTANTIATE_TEST_SUITE_P(Strings, PlainScalarTest,
                         ::testing::Values(Case{"2026-11-27", "2026-11-27"}, Case{"12:30", "12:30"},
                                           Case{"1.2.3", "1.2.3"}, Case{"0xzz", "0xzz"},
                                           Case{"-", "-"}, Case{".", "."}, Case{"+", "+"},
                                           Case{"1e", "1e"}, Case{"._1", "._1"}, Case{"5s", "5s"},
                                           Case{"redis.shop:6379", "redis.shop:6379"}));

TEST(PlainScalar, RefusesNumbersThatJsonDoesNotKnow) {
  for (const char* text : {".inf", "-.Inf", "+.INF", ".nan", ".NaN"}) {
    EXPECT_FALSE(ResolvePlainScalar(text)) << text;
  }
}

TEST(TaggedScalar, TakesTheTagAtItsWord) {
  EXPECT_EQ(ResolveTaggedScalar("tag:yaml.org,2002:str", "010").value(), json("010"));
  EXPECT_EQ(ResolveTaggedScalar("tag:yaml.org,2002:int", "010").value(), json(8));
  EXPECT_EQ(ResolveTaggedScalar("tag:yaml.org,2002:bool", "on").value(), json(true));
  EXPECT_EQ(ResolveTaggedScalar("tag:yaml.org,2002:binary", "aGk=").value(), json("hi"));
  EXPECT_EQ(ResolveTaggedScalar("tag:yaml.org,2002:binary", "aG\nk=\n").value(), json("hi"));
  EXPECT_EQ(ResolveTaggedScalar("!mine", "text").value(), json("text"));
}

TEST(TaggedScalar, RefusesWhatDoesNotFitItsTag) {
  EXPECT_FALSE(ResolveTaggedScalar("tag:yaml.org,2002:int", "ten"));
  EXPECT_FALSE(ResolveTaggedScalar("tag:yaml.org,2002:bool", "1"));
  EXPECT_FALSE(ResolveTaggedScalar("tag:yaml.org,2002:binary", "%%"));
  EXPECT_FALSE(ResolveTaggedScalar("tag:yaml.org,2002:binary", "gICA")) << "bytes that are no text";
}

TEST(MemberName, IsTheScalarAsJsonWritesIt) {
  EXPECT_EQ(MemberName("name").value(), "name");
  EXPECT_EQ(MemberName(true).value(), "true");
  EXPECT_EQ(MemberName(8).value(), "8");
  EXPECT_FALSE(MemberName(nullptr));
}

}  // namespace
}  // namespace stoker::api
