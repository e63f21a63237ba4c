#include <algorithm>
#include <cctype>

#include "controller/api/schema.h"
#include "controller/base/suggest.h"

namespace stoker::api {

using nlohmann::json;

namespace {

std::vector<std::string> NamesOf(const Schema& schema) {
  std::vector<std::string> names;
  for (const auto& [name, member] : schema.properties) names.push_back(name);
  return names;
}

}  // namespace

std::string JoinPath(const std::string& path, const std::string& name) {
  const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '-';
  });
  if (!plain) return path + "[" + name + "]";
  return path.empty() ? name : path + "." + name;
}

std::string UnknownField(const std::string& name, const std::vector<std::string>& known) {
  const std::string meant = Nearest(name, known);
  return meant.empty() ? "unknown field; correct its name or remove it"
                       : "unknown field; did you mean " + meant + "?";
}

void FindUnknownFields(const Schema& schema, const json& value, const std::string& path,
                       std::vector<FieldError>& errors) {
  if (value.is_array() && schema.items) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      FindUnknownFields(*schema.items, value[i], path + "[" + std::to_string(i) + "]", errors);
    }
  }
  if (!value.is_object() || schema.type != "object") return;
  for (const auto& [name, child] : value.items()) {
    if (path.empty() && name == "metadata") continue;
    const std::string child_path = JoinPath(path, name);
    if (const Schema* member = schema.Member(name)) {
      FindUnknownFields(*member, child, child_path, errors);
    } else {
      errors.push_back({child_path, UnknownField(name, NamesOf(schema))});
    }
  }
}

void ApplyDefaults(const Schema& schema, json& value) {
  if (value.is_array() && schema.items) {
    for (json& item : value) ApplyDefaults(*schema.items, item);
    return;
  }
  if (!value.is_object()) return;
  for (const auto& [name, member] : schema.properties) {
    const auto it = value.find(name);
    const bool absent = it == value.end() || (it->is_null() && !member.nullable);
    if (!absent) continue;
    if (member.default_value) {
      value[name] = *member.default_value;
    } else if (it != value.end()) {
      value.erase(it);
    }
  }
  // A null in a map goes too, as one in a list does not.
  for (auto it = value.begin(); it != value.end();) {
    const Schema* member = schema.Member(it.key());
    if (it->is_null() && member != nullptr && !member->nullable) {
      it = value.erase(it);
      continue;
    }
    if (member != nullptr) ApplyDefaults(*member, *it);
    ++it;
  }
}

}  // namespace stoker::api
