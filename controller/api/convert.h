#pragma once

// How typed views read JSON: one place that knows the JSON library throws.
//
// The schema has already judged the JSON, so a missing or mistyped member is not the user's mistake
// but an object that went round the schema. The readers below take a default for what is absent; a
// mistyped member throws inside the library, and Converted() turns that into an Error. Only files
// of this folder include this header.
//
// Thread safety: pure functions.

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "controller/api/types.h"
#include "controller/base/result.h"

namespace stoker::api {

// Runs `read`, which returns a Result, and turns an exception of the JSON library into kInvalid.
template <class Read>
auto Converted(Read&& read) -> decltype(read()) {
  try {
    return read();
  } catch (const nlohmann::json::exception& e) {
    return Invalid(std::string("the object does not fit its schema: ") + e.what());
  }
}

// The member, or nullptr where it is absent or null.
inline const nlohmann::json* Find(const nlohmann::json& object, const char* name) {
  const auto it = object.find(name);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

template <class T>
T Get(const nlohmann::json& object, const char* name, T fallback) {
  const nlohmann::json* member = Find(object, name);
  return member == nullptr ? std::move(fallback) : member->get<T>();
}

template <class T>
std::optional<T> GetOptional(const nlohmann::json& object, const char* name) {
  const nlohmann::json* member = Find(object, name);
  return member == nullptr ? std::nullopt : std::optional<T>(member->get<T>());
}

inline std::string GetString(const nlohmann::json& object, const char* name) {
  return Get<std::string>(object, name, "");
}

// The member, or an empty object where it is none.
inline nlohmann::json GetObject(const nlohmann::json& object, const char* name) {
  const nlohmann::json* member = Find(object, name);
  return member != nullptr && member->is_object() ? *member : nlohmann::json::object();
}

inline std::map<std::string, std::string> GetStringMap(const nlohmann::json& object,
                                                       const char* name) {
  return Get<std::map<std::string, std::string>>(object, name, {});
}

// The name inside a reference {name: ...}.
inline std::optional<std::string> GetRefName(const nlohmann::json& object, const char* name) {
  const nlohmann::json* ref = Find(object, name);
  return ref == nullptr ? std::nullopt
                        : std::optional<std::string>(ref->at("name").get<std::string>());
}

inline std::optional<KeyRef> GetKeyRef(const nlohmann::json& object, const char* name) {
  const nlohmann::json* ref = Find(object, name);
  if (ref == nullptr) return std::nullopt;
  return KeyRef{ref->at("name").get<std::string>(), ref->at("key").get<std::string>()};
}

// A duration member; the error names it.
inline Result<std::optional<Millis>> GetDuration(const nlohmann::json& object, const char* name) {
  const nlohmann::json* member = Find(object, name);
  if (member == nullptr) return std::optional<Millis>();
  Result<Millis> parsed = ParseDuration(member->get<std::string>());
  if (!parsed) return Annotate(name, parsed.error());
  return std::optional<Millis>(*parsed);
}

// The same into `to`, which stays as it is where the member is absent.
inline Status ReadDuration(const nlohmann::json& object, const char* name, Millis& to) {
  Result<std::optional<Millis>> read = GetDuration(object, name);
  if (!read) return read.error();
  to = read->value_or(to);
  return {};
}

}  // namespace stoker::api
