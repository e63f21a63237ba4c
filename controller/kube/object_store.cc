#include "controller/kube/object_store.h"

#include <utility>

namespace stoker::kube {
namespace {

std::string MetaText(const nlohmann::json& object, const char* key) {
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) return {};
  const auto it = metadata->find(key);
  return it != metadata->end() && it->is_string() ? it->get<std::string>() : std::string();
}

std::string Key(std::string_view ns, std::string_view name) {
  std::string key(ns);
  key.append("/").append(name);
  return key;
}

std::string KeyOf(const nlohmann::json& object) {
  return Key(MetaText(object, "namespace"), MetaText(object, "name"));
}

// Kubernetes' resource versions are decimal numbers that grow.
bool NotNewer(const nlohmann::json& candidate, const nlohmann::json& held) {
  const std::string a = MetaText(candidate, "resourceVersion");
  const std::string b = MetaText(held, "resourceVersion");
  if (a == b) return true;
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

Object Keep(nlohmann::json object) {
  if (const auto metadata = object.find("metadata");
      metadata != object.end() && metadata->is_object()) {
    metadata->erase("managedFields");
  }
  return std::make_shared<const nlohmann::json>(std::move(object));
}

}  // namespace

std::optional<Change> ObjectStore::Put(nlohmann::json object) {
  const std::string key = KeyOf(object);
  const std::lock_guard lock(mutex_);
  Object& held = objects_[key];
  if (held && NotNewer(object, *held)) return std::nullopt;
  Object fresh = Keep(std::move(object));
  Change change{std::exchange(held, fresh), fresh};
  return change;
}

std::optional<Change> ObjectStore::Remove(const nlohmann::json& object) {
  const std::lock_guard lock(mutex_);
  const auto it = objects_.find(KeyOf(object));
  if (it == objects_.end()) return std::nullopt;
  const bool same = MetaText(object, "resourceVersion") == MetaText(*it->second, "resourceVersion");
  if (!same && NotNewer(object, *it->second))
    return std::nullopt;  // an earlier object of that name
  Change change{std::move(it->second), nullptr};
  objects_.erase(it);
  return change;
}

std::vector<Change> ObjectStore::ReplaceAll(std::vector<nlohmann::json> objects) {
  std::vector<Change> changes;
  Map fresh;
  fresh.reserve(objects.size());
  const std::lock_guard lock(mutex_);
  for (auto& object : objects) {
    const std::string key = KeyOf(object);
    const auto held = objects_.find(key);
    if (held == objects_.end()) {
      const Object added = fresh[key] = Keep(std::move(object));
      changes.push_back({nullptr, added});
      continue;
    }
    if (MetaText(object, "resourceVersion") == MetaText(*held->second, "resourceVersion")) {
      fresh[key] = held->second;
    } else {
      const Object changed = fresh[key] = Keep(std::move(object));
      changes.push_back({held->second, changed});
    }
  }
  for (const auto& [key, object] : objects_) {
    if (!fresh.contains(key)) changes.push_back({object, nullptr});
  }
  objects_ = std::move(fresh);
  return changes;
}

Object ObjectStore::Get(std::string_view ns, std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto it = objects_.find(Key(ns, name));
  return it == objects_.end() ? nullptr : it->second;
}

std::vector<Object> ObjectStore::List(std::string_view ns) const {
  const std::string prefix = Key(ns, "");
  std::vector<Object> found;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, object] : objects_) {
    if (ns.empty() || key.starts_with(prefix)) found.push_back(object);
  }
  return found;
}

std::size_t ObjectStore::Size() const {
  const std::lock_guard lock(mutex_);
  return objects_.size();
}

}  // namespace stoker::kube
