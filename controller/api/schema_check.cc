#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "controller/api/cel/text.h"
#include "controller/api/schema.h"
#include "controller/base/clock.h"

namespace stoker::api {
namespace {

using nlohmann::json;

const char* TypeName(const json& value) {
  if (value.is_number_integer()) return "integer";
  if (value.is_number()) return "number";
  return value.type_name();
}

bool IsWhole(const json& value) {
  if (value.is_number_integer()) return true;
  return value.is_number_float() && std::floor(value.get<double>()) == value.get<double>();
}

bool HasType(const Schema& schema, const json& value) {
  if (value.is_null() && schema.nullable) return true;
  if (schema.int_or_string) return value.is_string() || IsWhole(value);
  if (schema.type == "object") return value.is_object();
  if (schema.type == "array") return value.is_array();
  if (schema.type == "string") return value.is_string();
  if (schema.type == "boolean") return value.is_boolean();
  if (schema.type == "integer") return IsWhole(value);
  if (schema.type == "number") return value.is_number();
  return schema.type.empty();
}

// A value as an error may show it: short, and on one line.
std::string Show(const json& value) {
  constexpr std::size_t kMaxShown = 80;
  if (value.is_structured()) return value.type_name();
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > kMaxShown) text = text.substr(0, cel::CodePointOffset(text, kMaxShown)) + "...";
  return text;
}

std::string Items(std::size_t count) {
  return count == 1 ? "1 item" : fmt::format("{} items", count);
}

// Checks one value; its children are the caller's.
class Check {
 public:
  Check(const Schema& schema, const json& value, const std::string& path,
        std::vector<FieldError>& errors)
      : schema_(schema), value_(value), path_(path), errors_(errors) {}

  // False: the form is wrong, and neither children nor rules can be judged.
  bool Run() {
    if (!HasType(schema_, value_)) {
      const std::string wanted = schema_.int_or_string ? "integer or string" : schema_.type;
      Blocking(fmt::format("must be of type {}: \"{}\"{}", wanted, TypeName(value_), QuoteHint()));
      return false;
    }
    if (value_.is_number()) CheckNumber();
    if (value_.is_string()) CheckString();
    if (value_.is_array()) CheckArray();
    if (value_.is_object()) CheckObject();
    CheckEnum();
    return form_is_right_;
  }

 private:
  void Complain(std::string message) { errors_.push_back({path_, std::move(message)}); }
  void Blocking(std::string message) {
    form_is_right_ = false;
    Complain(std::move(message));
  }

  // YAML reads `no` and `010` as something else than a string; say how to mean the string.
  [[nodiscard]] std::string QuoteHint() const {
    const bool scalar = value_.is_boolean() || value_.is_number();
    const bool text = schema_.type == "string" || (schema_.int_or_string && value_.is_number());
    return text && scalar ? "; put it in quotes" : "";
  }

  void CheckNumber() {
    const double number = value_.get<double>();
    if (schema_.minimum && number < *schema_.minimum) {
      Complain(fmt::format("Invalid value: {}: should be greater than or equal to {}", Show(value_),
                           *schema_.minimum));
    }
    if (schema_.maximum && number > *schema_.maximum) {
      Complain(fmt::format("Invalid value: {}: should be less than or equal to {}", Show(value_),
                           *schema_.maximum));
    }
  }

  void CheckString() {
    const auto& text = value_.get_ref<const std::string&>();
    const std::size_t length = cel::CountCodePoints(text);
    if (schema_.min_length && length < *schema_.min_length) {
      Complain(fmt::format("Invalid value: {}: should be at least {} chars long", Show(value_),
                           *schema_.min_length));
    }
    if (schema_.max_length && length > *schema_.max_length) {
      Blocking(fmt::format("Too long: may not be more than {} bytes", *schema_.max_length));
    }
    if (schema_.pattern && !RE2::PartialMatch(text, *schema_.pattern)) {
      Complain(
          fmt::format("Invalid value: {}: should match '{}'", Show(value_), schema_.pattern_text));
    }
    if (schema_.date_time && !ParseTime(text)) {
      Complain(fmt::format("Invalid value: {}: must be a time such as 2026-11-27T06:00:00Z",
                           Show(value_)));
    }
  }

  void CheckArray() {
    if (schema_.min_items && value_.size() < *schema_.min_items) {
      Complain(fmt::format("Invalid value: {}: should have at least {} items", value_.size(),
                           *schema_.min_items));
    }
    if (schema_.max_items && value_.size() > *schema_.max_items) {
      Blocking(fmt::format("Too many: {}: must have at most {}", value_.size(),
                           Items(*schema_.max_items)));
    }
    if (!schema_.list_map_keys.empty()) CheckDuplicates();
  }

  void CheckDuplicates() {
    std::set<json> seen;
    for (std::size_t i = 0; i < value_.size(); ++i) {
      if (!value_[i].is_object()) continue;
      json keys = json::object();
      for (const std::string& key : schema_.list_map_keys) {
        if (value_[i].contains(key)) keys[key] = value_[i][key];
      }
      if (seen.insert(keys).second) continue;
      errors_.push_back({fmt::format("{}[{}]", path_, i),
                         fmt::format("Duplicate value: {}",
                                     keys.dump(-1, ' ', false, json::error_handler_t::replace))});
    }
  }

  void CheckObject() {
    if (schema_.max_properties && value_.size() > *schema_.max_properties) {
      Blocking(fmt::format("Too many: {}: must have at most {}", value_.size(),
                           Items(*schema_.max_properties)));
    }
    for (const std::string& name : schema_.required) {
      if (value_.contains(name)) continue;
      form_is_right_ = false;
      errors_.push_back({JoinPath(path_, name), "Required value"});
    }
  }

  void CheckEnum() {
    const auto& allowed = schema_.enum_values;
    if (allowed.empty() || std::find(allowed.begin(), allowed.end(), value_) != allowed.end())
      return;
    std::vector<std::string> shown;
    for (const json& item : allowed) shown.push_back(Show(item));
    Blocking(fmt::format("Unsupported value: {}: supported values: {}", Show(value_),
                         fmt::join(shown, ", ")));
  }

  const Schema& schema_;
  const json& value_;
  const std::string& path_;
  std::vector<FieldError>& errors_;
  bool form_is_right_ = true;
};

void CheckOwnRules(const Schema& schema, const json& value, const std::string& path,
                   std::vector<FieldError>& errors) {
  for (const Rule& rule : schema.rules) {
    const cel::Value verdict = rule.expression.Evaluate(value);
    const auto* holds = verdict.As<bool>();
    if (holds && *holds) continue;
    std::string field = path + rule.field_path;
    if (field.starts_with('.')) field.erase(0, 1);
    const auto* failure = verdict.As<cel::Failure>();
    errors.push_back({std::move(field), failure
                                            ? failure->message + " evaluating rule: " + rule.message
                                            : rule.message});
  }
}

}  // namespace

bool CheckStructure(const Schema& schema, const json& value, const std::string& path,
                    std::vector<FieldError>& errors) {
  bool right = Check(schema, value, path, errors).Run();
  if (value.is_object()) {
    for (const auto& [name, child] : value.items()) {
      if (path.empty() && name == "metadata") continue;
      const Schema* member = schema.Member(name);
      if (member) right = CheckStructure(*member, child, JoinPath(path, name), errors) && right;
    }
  }
  if (value.is_array() && schema.items) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      right =
          CheckStructure(*schema.items, value[i], fmt::format("{}[{}]", path, i), errors) && right;
    }
  }
  return right;
}

void CheckRules(const Schema& schema, const json& value, const std::string& path,
                std::vector<FieldError>& errors) {
  CheckOwnRules(schema, value, path, errors);
  if (value.is_object()) {
    for (const auto& [name, child] : value.items()) {
      const Schema* member = schema.Member(name);
      if (member) CheckRules(*member, child, JoinPath(path, name), errors);
    }
  }
  if (value.is_array() && schema.items) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      CheckRules(*schema.items, value[i], fmt::format("{}[{}]", path, i), errors);
    }
  }
}

}  // namespace stoker::api
