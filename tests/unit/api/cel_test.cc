#include <gtest/gtest.h>

#include <string>

#include "controller/api/cel/expression.h"

namespace stoker::api::cel {
namespace {

using nlohmann::json;

const json& Self() {
  static const json self = {{"n", 5},
                            {"x", 2.5},
                            {"name", "caf\xc3\xa9:bar"},
                            {"list", {3, 1, 2}},
                            {"words", {"a", "b"}},
                            {"map", {{"k1", "v1"}, {"k2", "v2"}}},
                            {"flag", true},
                            {"namespace", "shop"}};
  return self;
}

struct Truth {
  const char* rule;
  bool holds;
};

class TruthTest : public ::testing::TestWithParam<Truth> {};

TEST_P(TruthTest, Evaluates) {
  const Result<Expression> rule = Expression::Compile(GetParam().rule);
  ASSERT_TRUE(rule) << rule.error().message;
  const Value value = rule->Evaluate(Self());
  const auto* failure = value.As<Failure>();
  ASSERT_NE(value.As<bool>(), nullptr) << (failure ? failure->message : value.TypeName());
  EXPECT_EQ(*value.As<bool>(), GetParam().holds);
}

INSTANTIATE_TEST_SUITE_P(
    Operators, TruthTest,
    ::testing::Values(
        Truth{"1 + 2 * 3 == 7", true}, Truth{"(1 + 2) * 3 == 9", true}, Truth{"7 % 4 == 3", true},
        Truth{"-7 / 2 == -3", true}, Truth{"10 - 4 - 3 == 3", true}, Truth{"1 == 1.0", true},
        Truth{"self.n > self.x", true}, Truth{"'a' + 'b' == 'ab'", true}, Truth{"'a' < 'b'", true},
        Truth{"[1, 2] + [3] == [1, 2, 3]", true}, Truth{"2 in self.list", true},
        Truth{"'k1' in self.map", true}, Truth{"9 in self.list", false}, Truth{"!self.flag", false},
        Truth{"true ? false : true", false}, Truth{"false ? 1 == 2 : true ? true : false", true},
        Truth{"'1' == 1", false}, Truth{"null == null", true}, Truth{"1 != 2 && 2 >= 2", true}));

INSTANTIATE_TEST_SUITE_P(
    Fields, TruthTest,
    ::testing::Values(Truth{"has(self.n)", true}, Truth{"has(self.missing)", false},
                      Truth{"has(self.map.k1)", true}, Truth{"self.list[0] == 3", true},
                      Truth{"self.map['k2'] == 'v2'", true},
                      Truth{"self.__namespace__ == 'shop'", true},
                      Truth{"type(self.n) == int && type(self.name) == string", true}));

INSTANTIATE_TEST_SUITE_P(Macros, TruthTest,
                         ::testing::Values(Truth{"self.list.all(i, i > 0)", true},
                                           Truth{"self.list.all(i, i > 1)", false},
                                           Truth{"self.list.exists(i, i == 2)", true},
                                           Truth{"self.list.exists_one(i, i > 2)", true},
                                           Truth{"self.list.exists_one(i, i > 1)", false},
                                           Truth{"self.list.filter(i, i != 1) == [3, 2]", true},
                                           Truth{"self.list.map(i, i * 2) == [6, 2, 4]", true},
                                           Truth{"[].all(i, false)", true},
                                           Truth{"self.map.all(k, k.startsWith('k'))", true},
                                           Truth{"self.list.all(a, self.list.exists(b, a == b))",
                                                 true}));

INSTANTIATE_TEST_SUITE_P(
    Texts, TruthTest,
    ::testing::Values(
        Truth{"size(self.name) == 8", true}, Truth{"self.words.size() == 2", true},
        Truth{"self.name.startsWith('caf')", true}, Truth{"self.name.endsWith('bar')", true},
        Truth{"self.name.contains(':')", true}, Truth{"self.name.matches('^caf.:b')", true},
        Truth{"self.name.indexOf(':') == 4", true}, Truth{"'a.b.c'.lastIndexOf('.') == 3", true},
        Truth{"'a'.indexOf('b') == -1", true}, Truth{"self.name.substring(5) == 'bar'", true},
        Truth{"self.name.substring(0, 4) == 'caf\xc3\xa9'", true},
        Truth{"'a,b,,c'.split(',') == ['a', 'b', '', 'c']", true},
        Truth{"'ab'.split('') == ['a', 'b']", true}, Truth{"['a', 'b'].join('-') == 'a-b'", true},
        Truth{"'A-B'.lowerAscii() == 'a-b'", true},
        Truth{"'a.b.c'.replace('.', '') == 'abc'", true}, Truth{"' a '.trim() == 'a'", true},
        Truth{"r'\\d' == '\\\\d'", true}, Truth{"\"it's\" == 'it\\'s'", true}));

INSTANTIATE_TEST_SUITE_P(
    Conversions, TruthTest,
    ::testing::Values(Truth{"int('42') == 42", true}, Truth{"int(2.9) == 2", true},
                      Truth{"string(42) == '42'", true}, Truth{"double('2.5') == self.x", true},
                      Truth{"duration('1m') > duration('59s')", true},
                      Truth{"duration('1h30m') == duration('90m')", true},
                      Truth{"isQuantity('1Mi')", true}, Truth{"isQuantity('1 MB')", false},
                      Truth{"quantity('1Mi').compareTo(quantity('1M')) == 1", true}));

// An error on one side is forgiven where the other side decides.
INSTANTIATE_TEST_SUITE_P(
    Errors, TruthTest,
    ::testing::Values(Truth{"1 / 0 == 1 || true", true}, Truth{"false && self.missing", false},
                      Truth{"self.missing == 1 && false", false},
                      Truth{"self.list.exists(i, 6 / (i - 3) < 0)", true},
                      Truth{"self.list.all(i, i < 3 && 1 / (i - 1) > 0)", false}));

class EvaluationErrorTest : public ::testing::TestWithParam<const char*> {};

TEST_P(EvaluationErrorTest, IsAnErrorValue) {
  const Result<Expression> rule = Expression::Compile(GetParam());
  ASSERT_TRUE(rule) << rule.error().message;
  EXPECT_TRUE(rule->Evaluate(Self()).IsError());
}

INSTANTIATE_TEST_SUITE_P(Cases, EvaluationErrorTest,
                         ::testing::Values("self.missing", "self.list[3]", "self.list[-1]", "1 / 0",
                                           "1 % 0", "9223372036854775807 + 1",
                                           "-9223372036854775807 - 2", "int('x')", "int('')",
                                           "duration('1 week')", "duration('9999999999h')",
                                           "quantity('x')", "'a' + 1", "'a' < 1", "!1", "1 && true",
                                           "nobody", "'a'.substring(2)", "'a'.matches('(' + '')",
                                           "self.n.all(i, true)", "has(self.n.x)",
                                           "self.list.filter(i, i)", "1 ? 2 : 3"));

TEST(Compile, RefusesWhatItDoesNotKnow) {
  for (const char* text :
       {"", "1 +", "(1", "[1, 2", "self.", "self.x(", "1 2", "'open", "'\\q'", "self.fly()",
        "size()", "has(self)", "self.all(1, true)", "@", "99999999999999999999", "x.matches('(')",
        "'a'.substring(1, 2, 3)", "{'a': 1}"}) {
    EXPECT_FALSE(Expression::Compile(text)) << text;
  }
}

TEST(Compile, CapsDepth) {
  EXPECT_TRUE(Expression::Compile(std::string(50, '(') + "1" + std::string(50, ')')));
  EXPECT_FALSE(Expression::Compile(std::string(100'000, '(') + "1" + std::string(100'000, ')')));
  EXPECT_FALSE(Expression::Compile(std::string(100'000, '!') + "true"));
}

TEST(Evaluate, StopsARuleThatTakesTooLong) {
  json self = json::array();
  for (int i = 0; i < 3000; ++i) self.push_back(i);
  const auto rule = Expression::Compile("self.all(a, self.all(b, a + b >= 0))");
  ASSERT_TRUE(rule);
  EXPECT_TRUE(rule->Evaluate(self).IsError());
}

}  // namespace
}  // namespace stoker::api::cel
