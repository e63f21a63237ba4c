#include "controller/kube/packed_object.h"

#include <utility>

namespace stoker::kube {
namespace {

std::string MetaText(const nlohmann::json& object, const char* key) {
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) return {};
  const auto it = metadata->find(key);
  return it != metadata->end() && it->is_string() ? it->get<std::string>() : std::string();
}

}  // namespace

std::string ObjectKey(std::string_view ns, std::string_view name) {
  std::string key;
  key.reserve(ns.size() + 1 + name.size());
  return key.append(ns).append("/").append(name);
}

std::string ObjectKey(const nlohmann::json& object) {
  return ObjectKey(MetaText(object, "namespace"), MetaText(object, "name"));
}

std::string ObjectVersion(const nlohmann::json& object) {
  return MetaText(object, "resourceVersion");
}

PackedObject::PackedObject(nlohmann::json object, const IndexFunction& index) {
  if (const auto metadata = object.find("metadata");
      metadata != object.end() && metadata->is_object()) {
    metadata->erase("managedFields");
  }
  auto cbor = nlohmann::json::to_cbor(object);
  cbor.shrink_to_fit();
  content_ = std::make_shared<const Content>(Content{ObjectKey(object), ObjectVersion(object),
                                                     index ? index(object) : std::string(),
                                                     std::move(cbor)});
}

Object PackedObject::Unpack() const {
  if (!content_) return nullptr;
  return std::make_shared<const nlohmann::json>(nlohmann::json::from_cbor(content_->cbor));
}

}  // namespace stoker::kube
