#include "controller/api/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace stoker::api {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

Schema MustCompile(const json& source) {
  Result<Schema> schema = Schema::Compile(source);
  if (!schema) throw std::runtime_error(schema.error().message);
  return std::move(*schema);
}

// "path: message" of the first complaint; empty: none.
std::string Structure(const json& source, const json& value) {
  std::vector<FieldError> errors;
  CheckStructure(MustCompile(source), value, "f", errors);
  return errors.empty() ? "" : errors[0].field + ": " + errors[0].message;
}

struct Case {
  const char* name;
  json schema;
  json good;
  json bad;
  const char* complaint;
};

class StructureTest : public ::testing::TestWithParam<Case> {};

TEST_P(StructureTest, AcceptsTheGoodAndNamesTheBad) {
  EXPECT_EQ(Structure(GetParam().schema, GetParam().good), "");
  EXPECT_THAT(Structure(GetParam().schema, GetParam().bad), HasSubstr(GetParam().complaint));
}

INSTANTIATE_TEST_SUITE_P(
    Keywords, StructureTest,
    ::testing::Values(
        Case{"integer", {{"type", "integer"}}, 5, "5", "f: must be of type integer: \"string\""},
        Case{"whole_float",
             {{"type", "integer"}},
             5.0,
             5.5,
             "f: must be of type integer: \"number\""},
        Case{"number", {{"type", "number"}}, 5.5, true, "f: must be of type number"},
        Case{"string",
             {{"type", "string"}},
             "a",
             false,
             "f: must be of type string: \"boolean\"; put it in quotes"},
        Case{"boolean", {{"type", "boolean"}}, true, "true", "f: must be of type boolean"},
        Case{"null",
             {{"type", "string"}, {"nullable", true}},
             nullptr,
             1,
             "f: must be of type string"},
        Case{"int_or_string",
             {{"x-kubernetes-int-or-string", true}},
             1,
             true,
             "f: must be of type integer or string"},
        Case{"minimum", {{"type", "integer"}, {"minimum", 1}}, 1, 0, "greater than or equal to 1"},
        Case{"maximum",
             {{"type", "number"}, {"maximum", 2.5}},
             2.5,
             2.6,
             "less than or equal to 2.5"},
        Case{"int32",
             {{"type", "integer"}, {"format", "int32"}},
             2147483647,
             2147483648,
             "less than or equal to"},
        Case{"min_length", {{"type", "string"}, {"minLength", 1}}, "a", "", "at least 1 chars"},
        Case{"max_length",
             {{"type", "string"}, {"maxLength", 2}},
             "\xc3\xa4\xc3\xa4",
             "abc",
             "Too long"},
        Case{"pattern",
             {{"type", "string"}, {"pattern", "^a+$"}},
             "aa",
             "ab",
             "should match '^a+$'"},
        Case{"date_time",
             {{"type", "string"}, {"format", "date-time"}},
             "2026-11-27T06:00:00Z",
             "today",
             "a time such as"},
        Case{"enum",
             {{"type", "string"}, {"enum", {"A", "B"}}},
             "A",
             "C",
             "supported values: \"A\", \"B\""},
        Case{"min_items",
             {{"type", "array"}, {"minItems", 1}},
             json::array({1}),
             json::array(),
             "at least 1 items"},
        Case{"max_items",
             {{"type", "array"}, {"maxItems", 1}},
             json::array({1}),
             json::array({1, 2}),
             "at most 1 item"},
        Case{"max_properties",
             {{"type", "object"}, {"maxProperties", 1}},
             json{{"a", 1}},
             json{{"a", 1}, {"b", 1}},
             "at most 1 item"},
        Case{"required",
             {{"type", "object"}, {"required", {"a"}}},
             json{{"a", 1}},
             json::object(),
             "f.a: Required value"},
        Case{"items",
             {{"type", "array"}, {"items", {{"type", "string"}}}},
             json::array({"a"}),
             json::array({"a", 1}),
             "f[1]: must be"},
        Case{"map_values",
             {{"type", "object"}, {"additionalProperties", {{"type", "string"}}}},
             json{{"a", "b"}},
             json{{"a.b/c", 1}},
             "f[a.b/c]: must be"},
        Case{"list_map",
             {{"type", "array"},
              {"x-kubernetes-list-type", "map"},
              {"x-kubernetes-list-map-keys", {"n"}},
              {"items", {{"type", "object"}}}},
             json::array({json{{"n", 1}}, json{{"n", 2}}}),
             json::array({json{{"n", 1}}, json{{"n", 1}}}),
             "f[1]: Duplicate value: {\"n\":1}"}),
    [](const auto& info) { return info.param.name; });

TEST(CompileSchema, RefusesAKeywordThatItWouldNotEnforce) {
  for (const json& source :
       {json{{"type", "string"}, {"oneOf", json::array()}}, json{{"multipleOf", 2}},
        json{{"type", "string"}, {"format", "email"}},
        json{{"type", "array"}, {"x-kubernetes-list-type", "set"}},
        json{{"x-kubernetes-validations",
              {{{"rule", "true"}, {"message", "m"}, {"messageExpression", "'m'"}}}}}}) {
    EXPECT_FALSE(Schema::Compile(source)) << source.dump();
  }
}

TEST(CompileSchema, RefusesARuleThatDoesNotParse) {
  const json source = {{"type", "string"},
                       {"x-kubernetes-validations", {{{"rule", "self +"}, {"message", "m"}}}}};
  EXPECT_THAT(Schema::Compile(source).error().message, HasSubstr("rule self +"));
}

const json& Nested() {
  static const json source = json::parse(R"({"type": "object", "properties": {
      "a": {"type": "integer", "default": 1},
      "n": {"type": "string", "nullable": true, "default": "x"},
      "o": {"type": "object", "default": {}, "properties": {"b": {"type": "string", "default": "deep"}}},
      "p": {"type": "object", "properties": {"c": {"type": "boolean", "default": true}}},
      "l": {"type": "array", "items": {"type": "object", "properties": {"d": {"type": "integer", "default": 2}}}}}})");
  return source;
}

TEST(ApplyDefaults, FillsInDepthButMakesNoParentWithoutADefault) {
  json value = json::parse(R"({"l": [{}, {"d": 5}]})");
  ApplyDefaults(MustCompile(Nested()), value);
  EXPECT_EQ(value,
            json::parse(R"({"a": 1, "n": "x", "o": {"b": "deep"}, "l": [{"d": 2}, {"d": 5}]})"));
}

TEST(ApplyDefaults, TakesNullForAbsentUnlessItIsAllowed) {
  json value = json::parse(R"({"a": null, "n": null, "o": null, "p": null})");
  ApplyDefaults(MustCompile(Nested()), value);
  EXPECT_EQ(value, json::parse(R"({"a": 1, "n": null, "o": {"b": "deep"}})"));
}

TEST(FindUnknownFields, NamesEveryOneByItsPath) {
  std::vector<FieldError> errors;
  FindUnknownFields(MustCompile(Nested()),
                    json::parse(R"({"z": 1, "l": [{"d": 1}, {"e": 1}], "o": {"b.c": 1}})"), "",
                    errors);
  ASSERT_EQ(errors.size(), 3U);
  EXPECT_EQ(errors[0].field, "l[1].e");
  EXPECT_EQ(errors[1].field, "o[b.c]");
  EXPECT_EQ(errors[2].field, "z");
  EXPECT_THAT(errors[2].message, HasSubstr("unknown field; correct its name"));
}

TEST(CheckRules, SaysTheMessageAtTheFieldPath) {
  const Schema schema =
      MustCompile(json::parse(R"({"type": "object", "properties": {"a": {"type": "integer",
      "x-kubernetes-validations": [{"rule": "self != 3", "message": "not three"}]}},
      "x-kubernetes-validations": [
        {"rule": "self.a > 1", "message": "raise it", "fieldPath": ".a"},
        {"rule": "self.b == 1", "message": "needs b"}]})"));
  std::vector<FieldError> errors;
  CheckRules(schema, json{{"a", 1}}, "spec", errors);
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_EQ(errors[0].field, "spec.a");
  EXPECT_EQ(errors[0].message, "raise it");
  EXPECT_EQ(errors[1].field, "spec");
  EXPECT_EQ(errors[1].message, "no such key: b evaluating rule: needs b");
  errors.clear();
  CheckRules(schema, json{{"a", 3}, {"b", 1}}, "spec", errors);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].message, "not three");
}

}  // namespace
}  // namespace stoker::api
