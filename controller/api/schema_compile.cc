#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "controller/api/schema.h"

namespace stoker::api {
namespace {

using nlohmann::json;

// Every keyword that the walker enforces, or that asks for nothing.
constexpr std::array<std::string_view, 24> kKeywords = {"type",
                                                        "description",
                                                        "format",
                                                        "default",
                                                        "nullable",
                                                        "minimum",
                                                        "maximum",
                                                        "minLength",
                                                        "maxLength",
                                                        "pattern",
                                                        "minItems",
                                                        "maxItems",
                                                        "enum",
                                                        "maxProperties",
                                                        "required",
                                                        "properties",
                                                        "additionalProperties",
                                                        "items",
                                                        "x-kubernetes-int-or-string",
                                                        "x-kubernetes-list-type",
                                                        "x-kubernetes-list-map-keys",
                                                        "x-kubernetes-map-type",
                                                        "x-kubernetes-validations",
                                                        "title"};

// The parts of a rule that CheckRules heeds.
constexpr std::array<std::string_view, 3> kRuleKeywords = {"rule", "message", "fieldPath"};

constexpr std::array<std::string_view, 5> kFormats = {"int32", "int64", "double", "float",
                                                      "date-time"};

Status CheckKeywords(const json& source) {
  for (const auto& [keyword, value] : source.items()) {
    if (std::find(kKeywords.begin(), kKeywords.end(), keyword) == kKeywords.end()) {
      return Invalid("the schema keyword " + keyword + " is not supported");
    }
  }
  const std::string format = source.value("format", "int64");
  if (std::find(kFormats.begin(), kFormats.end(), format) == kFormats.end()) {
    return Invalid("the format " + format + " is not supported");
  }
  const std::string list_type = source.value("x-kubernetes-list-type", "atomic");
  if (list_type != "atomic" && list_type != "map") {
    return Invalid("the list type " + list_type + " is not supported");
  }
  return {};
}

template <class T>
void Read(const json& source, const char* keyword, std::optional<T>& out) {
  if (const auto it = source.find(keyword); it != source.end()) out = it->get<T>();
}

void ReadBounds(const json& source, Schema& schema) {
  Read(source, "minimum", schema.minimum);
  Read(source, "maximum", schema.maximum);
  Read(source, "minLength", schema.min_length);
  Read(source, "maxLength", schema.max_length);
  Read(source, "minItems", schema.min_items);
  Read(source, "maxItems", schema.max_items);
  Read(source, "maxProperties", schema.max_properties);
  schema.date_time = source.value("format", "") == "date-time";
  if (source.value("format", "") != "int32") return;
  schema.minimum = std::max(schema.minimum.value_or(INT32_MIN), double{INT32_MIN});
  schema.maximum = std::min(schema.maximum.value_or(INT32_MAX), double{INT32_MAX});
}

Status ReadPattern(const json& source, Schema& schema) {
  schema.pattern_text = source.value("pattern", "");
  if (schema.pattern_text.empty()) return {};
  schema.pattern = std::make_unique<RE2>(schema.pattern_text, RE2::Quiet);
  if (!schema.pattern->ok()) return Invalid("bad pattern: " + schema.pattern->error());
  return {};
}

Status ReadRules(const json& source, Schema& schema) {
  const auto it = source.find("x-kubernetes-validations");
  if (it == source.end()) return {};
  for (const json& rule : *it) {
    for (const auto& [keyword, value] : rule.items()) {
      if (std::find(kRuleKeywords.begin(), kRuleKeywords.end(), keyword) == kRuleKeywords.end()) {
        return Invalid("the rule keyword " + keyword + " is not supported");
      }
    }
    const std::string text = rule.at("rule").get<std::string>();
    Result<cel::Expression> expression = cel::Expression::Compile(text);
    if (!expression) return Annotate("rule " + text, expression.error());
    schema.rules.push_back({std::move(*expression), rule.at("message").get<std::string>(),
                            rule.value("fieldPath", "")});
  }
  return {};
}

Result<Schema> CompileNode(const json& source);

Status ReadChildren(const json& source, Schema& schema) {
  if (const auto it = source.find("properties"); it != source.end()) {
    for (const auto& [name, child] : it->items()) {
      Result<Schema> member = CompileNode(child);
      if (!member) return Annotate(name, member.error());
      schema.properties.emplace(name, std::move(*member));
    }
  }
  if (const auto it = source.find("additionalProperties"); it != source.end()) {
    STOKER_TRY(Schema values, CompileNode(*it));
    schema.additional = std::make_unique<Schema>(std::move(values));
  }
  if (const auto it = source.find("items"); it != source.end()) {
    STOKER_TRY(Schema items, CompileNode(*it));
    schema.items = std::make_unique<Schema>(std::move(items));
  }
  return {};
}

Result<Schema> CompileNode(const json& source) {
  STOKER_CHECK(CheckKeywords(source));
  Schema schema;
  schema.type = source.value("type", "");
  schema.int_or_string = source.value("x-kubernetes-int-or-string", false);
  schema.nullable = source.value("nullable", false);
  Read(source, "default", schema.default_value);
  ReadBounds(source, schema);
  schema.enum_values = source.value("enum", std::vector<json>());
  schema.required = source.value("required", std::vector<std::string>());
  if (source.value("x-kubernetes-list-type", "") == "map") {
    schema.list_map_keys = source.at("x-kubernetes-list-map-keys").get<std::vector<std::string>>();
  }
  STOKER_CHECK(ReadPattern(source, schema));
  STOKER_CHECK(ReadRules(source, schema));
  STOKER_CHECK(ReadChildren(source, schema));
  return schema;
}

}  // namespace

Result<Schema> Schema::Compile(const json& source) {
  try {
    return CompileNode(source);
  } catch (const json::exception& e) {
    return Internal(std::string("the schema is not well formed: ") + e.what());
  }
}

const Schema* Schema::Member(const std::string& name) const {
  const auto it = properties.find(name);
  return it != properties.end() ? &it->second : additional.get();
}

}  // namespace stoker::api
