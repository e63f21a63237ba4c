#pragma once

// A structural schema of a CRD, compiled: what a manifest may hold, its defaults and its rules.
//
// The same four steps as the API server's, in its order: refuse unknown fields, drop nulls and fill
// in defaults, check types and bounds, run the CEL rules. A keyword that this walker does not
// enforce makes Compile fail, so a CRD cannot ask for a check that only one of the two makes.
//
// Thread safety: immutable after Compile. Recursion follows the schema, so its depth is the CRD's.

#include <re2/re2.h>

#include <cstddef>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "controller/api/cel/expression.h"
#include "controller/api/manifest.h"
#include "controller/base/result.h"

namespace stoker::api {

struct Rule {  // one of x-kubernetes-validations
  cel::Expression expression;
  std::string message;
  std::string field_path;  // ".pacing.burst", or empty: the object itself
};

struct Schema {
  std::string type;  // empty: any, or int-or-string
  bool int_or_string = false;
  bool nullable = false;
  std::optional<nlohmann::json> default_value;
  std::optional<double> minimum, maximum;
  std::optional<std::size_t> min_length, max_length, min_items, max_items, max_properties;
  std::string pattern_text;
  std::unique_ptr<RE2> pattern;
  bool date_time = false;
  std::vector<nlohmann::json> enum_values;
  std::vector<std::string> required;
  std::map<std::string, Schema> properties;
  std::unique_ptr<Schema> additional;  // of the values of a map
  std::unique_ptr<Schema> items;
  std::vector<std::string> list_map_keys;  // listType=map
  std::vector<Rule> rules;

  static Result<Schema> Compile(const nlohmann::json& source);
  // The schema of a member, or nullptr: unknown.
  [[nodiscard]] const Schema* Member(const std::string& name) const;
};

// Complaints about fields that the schema does not have. metadata is not looked into.
void FindUnknownFields(const Schema& schema, const nlohmann::json& value, const std::string& path,
                       std::vector<FieldError>& errors);

// What is said of such a field: "unknown field; did you mean requestsPerSecond?"
std::string UnknownField(const std::string& name, const std::vector<std::string>& known);

// Drops nulls that mean "not there" and fills in defaults, depth first.
void ApplyDefaults(const Schema& schema, nlohmann::json& value);

// Types, bounds, patterns, enumerations, required fields, duplicates. Returns false where the
// value's form is so wrong (a type, a missing field, too long) that rules would stumble over it.
bool CheckStructure(const Schema& schema, const nlohmann::json& value, const std::string& path,
                    std::vector<FieldError>& errors);

// The CEL rules of the value and of everything in it.
void CheckRules(const Schema& schema, const nlohmann::json& value, const std::string& path,
                std::vector<FieldError>& errors);

// "spec" + "sources" is "spec.sources"; a name that is no identifier goes in brackets.
std::string JoinPath(const std::string& path, const std::string& name);

}  // namespace stoker::api
