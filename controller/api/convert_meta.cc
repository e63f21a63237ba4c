#include "controller/api/convert.h"
#include "controller/api/manifest.h"

namespace stoker::api {
namespace {

std::optional<WallTime> GetTime(const nlohmann::json& object, const char* name) {
  const nlohmann::json* member = Find(object, name);
  if (member == nullptr || !member->is_string()) return std::nullopt;
  Result<WallTime> time = ParseTime(member->get_ref<const std::string&>());
  return time ? std::optional<WallTime>(*time) : std::nullopt;
}

std::string TextOf(const nlohmann::json& object, const char* name) {
  const nlohmann::json* member = Find(object, name);
  return member != nullptr && member->is_string() ? member->get<std::string>() : std::string();
}

std::map<std::string, std::string> TextsOf(const nlohmann::json& object, const char* name) {
  std::map<std::string, std::string> texts;
  const nlohmann::json* member = Find(object, name);
  if (member == nullptr || !member->is_object()) return texts;
  for (const auto& [key, value] : member->items()) {
    if (value.is_string()) texts.emplace(key, value.get<std::string>());
  }
  return texts;
}

}  // namespace

// Reads what is there and skips what is not of its type, so that it cannot fail: metadata is the
// API server's own, and events name even objects that nothing else can be made of.
ObjectMeta ToObjectMeta(const nlohmann::json& object) {
  ObjectMeta meta;
  if (!object.is_object()) return meta;
  const nlohmann::json* source = Find(object, "metadata");
  if (source == nullptr || !source->is_object()) return meta;
  meta.name = TextOf(*source, "name");
  meta.namespace_ = TextOf(*source, "namespace");
  meta.uid = TextOf(*source, "uid");
  meta.resource_version = TextOf(*source, "resourceVersion");
  const nlohmann::json* generation = Find(*source, "generation");
  if (generation != nullptr && generation->is_number_integer()) {
    meta.generation = generation->get<std::int64_t>();
  }
  meta.creation_timestamp = GetTime(*source, "creationTimestamp");
  meta.deletion_timestamp = GetTime(*source, "deletionTimestamp");
  meta.labels = TextsOf(*source, "labels");
  meta.annotations = TextsOf(*source, "annotations");
  return meta;
}

}  // namespace stoker::api
