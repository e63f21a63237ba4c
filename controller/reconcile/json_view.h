#pragma once

// Reads members of Kubernetes objects that may lack any of them.
//
// Objects in caches were written by others: a member may be missing or of another type, and reading
// it must neither throw nor insert. Each reader returns the fallback then.
//
// Thread safety: pure functions.

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "controller/base/clock.h"

namespace stoker::reconcile {

using Path = std::initializer_list<const char*>;

// Null when there is nothing at `path`.
const nlohmann::json* Find(const nlohmann::json& object, Path path);
std::string Text(const nlohmann::json& object, Path path, std::string fallback = {});
std::int64_t Number(const nlohmann::json& object, Path path, std::int64_t fallback = 0);
bool Flag(const nlohmann::json& object, Path path, bool fallback = false);
std::optional<WallTime> Time(const nlohmann::json& object, Path path);

std::string Name(const nlohmann::json& object);
std::string Namespace(const nlohmann::json& object);
std::string Uid(const nlohmann::json& object);
std::string ResourceVersion(const nlohmann::json& object);
std::string Label(const nlohmann::json& object, const char* name);
std::string Annotation(const nlohmann::json& object, const char* name);
bool IsBeingDeleted(const nlohmann::json& object);

// UID of the owner that is its controller; empty: none.
std::string ControllerUid(const nlohmann::json& object);
// apiVersion, kind, name and uid of `owner` as an owner reference that is the controller.
nlohmann::json ControllerReference(const nlohmann::json& owner);
// What events say they are about.
nlohmann::json Regarding(const nlohmann::json& object);

}  // namespace stoker::reconcile
