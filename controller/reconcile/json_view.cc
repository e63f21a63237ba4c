#include "controller/reconcile/json_view.h"

namespace stoker::reconcile {

const nlohmann::json* Find(const nlohmann::json& object, Path path) {
  const nlohmann::json* at = &object;
  for (const char* name : path) {
    if (!at->is_object()) return nullptr;
    const auto it = at->find(name);
    if (it == at->end() || it->is_null()) return nullptr;
    at = &*it;
  }
  return at;
}

std::string Text(const nlohmann::json& object, Path path, std::string fallback) {
  const nlohmann::json* found = Find(object, path);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::move(fallback);
}

std::int64_t Number(const nlohmann::json& object, Path path, std::int64_t fallback) {
  const nlohmann::json* found = Find(object, path);
  return found != nullptr && found->is_number() ? found->get<std::int64_t>() : fallback;
}

bool Flag(const nlohmann::json& object, Path path, bool fallback) {
  const nlohmann::json* found = Find(object, path);
  return found != nullptr && found->is_boolean() ? found->get<bool>() : fallback;
}

std::optional<WallTime> Time(const nlohmann::json& object, Path path) {
  const std::string text = Text(object, path);
  if (text.empty()) return std::nullopt;
  const Result<WallTime> time = ParseTime(text);
  return time ? std::optional(*time) : std::nullopt;
}

std::string Name(const nlohmann::json& object) { return Text(object, {"metadata", "name"}); }
std::string Namespace(const nlohmann::json& object) {
  return Text(object, {"metadata", "namespace"});
}
std::string Uid(const nlohmann::json& object) { return Text(object, {"metadata", "uid"}); }
std::string ResourceVersion(const nlohmann::json& object) {
  return Text(object, {"metadata", "resourceVersion"});
}
std::string Label(const nlohmann::json& object, const char* name) {
  return Text(object, {"metadata", "labels", name});
}
std::string Annotation(const nlohmann::json& object, const char* name) {
  return Text(object, {"metadata", "annotations", name});
}
bool IsBeingDeleted(const nlohmann::json& object) {
  return Find(object, {"metadata", "deletionTimestamp"}) != nullptr;
}

std::string ControllerUid(const nlohmann::json& object) {
  const nlohmann::json* owners = Find(object, {"metadata", "ownerReferences"});
  if (owners == nullptr || !owners->is_array()) return {};
  for (const nlohmann::json& owner : *owners) {
    if (Flag(owner, {"controller"})) return Text(owner, {"uid"});
  }
  return {};
}

nlohmann::json ControllerReference(const nlohmann::json& owner) {
  return {{"apiVersion", Text(owner, {"apiVersion"})},
          {"kind", Text(owner, {"kind"})},
          {"name", Name(owner)},
          {"uid", Uid(owner)},
          {"controller", true},
          {"blockOwnerDeletion", false}};
}

nlohmann::json Regarding(const nlohmann::json& object) {
  return {{"apiVersion", Text(object, {"apiVersion"})},
          {"kind", Text(object, {"kind"})},
          {"metadata",
           {{"name", Name(object)}, {"namespace", Namespace(object)}, {"uid", Uid(object)}}}};
}

}  // namespace stoker::reconcile
