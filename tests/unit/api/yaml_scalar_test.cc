#include "controller/api/yaml_scalar.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace stoker::api {
namespace {

using nlohmann::json;

struct ScalarCase {
  const char* text;
  json value;
};

class PlainScalarTest : public ::testing::TestWithParam<ScalarCase> {};

TEST_P(PlainScalarTest, ResolvesAsKubectlDoes) {
  const Result<json> value = ResolvePlainScalar(GetParam().text);
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_EQ(*value, GetParam().value);
  EXPECT_EQ(value->is_number_float(), GetParam().value.is_number_float()) << value->dump();
}

INSTANTIATE_TEST_SUITE_P(Words, PlainScalarTest,
                         ::testing::Values(ScalarCase{"yes", true}, ScalarCase{"Yes", true},
                                           ScalarCase{"YES", true}, ScalarCase{"on", true},
                                           ScalarCase{"y", true}, ScalarCase{"True", true},
                                           ScalarCase{"no", false}, ScalarCase{"off", false},
                                           ScalarCase{"N", false}, ScalarCase{"FALSE", false},
                                           ScalarCase{"", nullptr}, ScalarCase{"~", nullptr},
                                           ScalarCase{"null", nullptr}, ScalarCase{"Null", nullptr},
                                           ScalarCase{"nUll", "nUll"}, ScalarCase{"yEs", "yEs"},
                                           ScalarCase{"oN", "oN"}, ScalarCase{"none", "none"}));

INSTANTIATE_TEST_SUITE_P(WholeNumbers, PlainScalarTest,
                         ::testing::Values(ScalarCase{"0", 0}, ScalarCase{"12", 12},
                                           ScalarCase{"-12", -12}, ScalarCase{"+12", 12},
                                           ScalarCase{"010", 8}, ScalarCase{"0o17", 15},
                                           ScalarCase{"0O17", 15}, ScalarCase{"0x1F", 31},
                                           ScalarCase{"-0x1f", -31}, ScalarCase{"0b101", 5},
                                           ScalarCase{"-0b101", -5}, ScalarCase{"1_000", 1000},
                                           ScalarCase{"9223372036854775807", INT64_MAX},
                                           ScalarCase{"-9223372036854775808", INT64_MIN},
                                           ScalarCase{"18446744073709551615", UINT64_MAX}));

INSTANTIATE_TEST_SUITE_P(Fractions, PlainScalarTest,
                         ::testing::Values(ScalarCase{"1.5", 1.5}, ScalarCase{"-.5", -0.5},
                                           ScalarCase{".5", 0.5}, ScalarCase{"1.0", 1},
                                           ScalarCase{"1e3", 1000}, ScalarCase{"1.", 1},
                                           ScalarCase{"08", 8}, ScalarCase{"1_0.5", 10.5},
                                           ScalarCase{"2.5e-1", 0.25}));

INSTANTIATE_TEST_SUITE_P(Strings, PlainScalarTest,
                         ::testing::Values(ScalarCase{"2026-11-27", "2026-11-27"},
                                           ScalarCase{"12:30", "12:30"},
                                           ScalarCase{"1.2.3", "1.2.3"}, ScalarCase{"0xzz", "0xzz"},
                                           ScalarCase{"-", "-"}, ScalarCase{".", "."},
                                           ScalarCase{"+", "+"}, ScalarCase{"1e", "1e"},
                                           ScalarCase{"._1", "._1"}, ScalarCase{"5s", "5s"},
                                           ScalarCase{"redis.shop:6379", "redis.shop:6379"}));

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
