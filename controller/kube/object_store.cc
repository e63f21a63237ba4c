#include "controller/kube/object_store.h"

#include <utility>

namespace stoker::kube {
namespace {

// Kubernetes' resource versions are decimal numbers that grow.
bool NotNewer(std::string_view candidate, std::string_view held) {
  if (candidate.size() != held.size()) return candidate.size() < held.size();
  return candidate <= held;
}

bool IsIn(const PackedObject& object, std::string_view ns) {
  const std::string_view key = object.key();
  return ns.empty() || (key.starts_with(ns) && key.substr(ns.size()).starts_with('/'));
}

std::vector<Object> UnpackAll(const std::vector<PackedObject>& packed) {
  std::vector<Object> objects;
  objects.reserve(packed.size());
  for (const PackedObject& object : packed) objects.push_back(object.Unpack());
  return objects;
}

}  // namespace

void ObjectStore::InsertLocked(const PackedObject& object) {
  objects_.insert(object);
  if (!object.index().empty()) indexed_.emplace(object.index(), object);
}

void ObjectStore::EraseLocked(Set::iterator at) {
  auto [begin, end] = indexed_.equal_range(at->index());
  for (; begin != end; ++begin) {
    if (begin->second.key() != at->key()) continue;
    indexed_.erase(begin);
    break;
  }
  objects_.erase(at);
}

std::optional<Change> ObjectStore::Put(PackedObject object) {
  const std::lock_guard lock(mutex_);
  Change change{{}, std::move(object)};
  const auto held = objects_.find(change.new_object.key());
  if (held != objects_.end()) {
    if (NotNewer(change.new_object.version(), held->version())) return std::nullopt;
    change.old_object = *held;
    EraseLocked(held);
  }
  InsertLocked(change.new_object);
  return change;
}

std::optional<Change> ObjectStore::Remove(const nlohmann::json& object) {
  const std::string version = ObjectVersion(object);
  const std::lock_guard lock(mutex_);
  const auto held = objects_.find(ObjectKey(object));
  if (held == objects_.end()) return std::nullopt;
  if (version != held->version() && NotNewer(version, held->version())) {
    return std::nullopt;  // an earlier object of that name
  }
  Change change{*held, {}};
  EraseLocked(held);
  return change;
}

std::vector<Change> ObjectStore::ReplaceAll(const std::vector<PackedObject>& objects) {
  std::vector<Change> changes;
  const std::lock_guard lock(mutex_);
  const Set before = std::exchange(objects_, {});
  indexed_.clear();
  objects_.reserve(objects.size());
  for (const PackedObject& object : objects) {
    const auto held = before.find(object);
    const bool known = held != before.end() && held->version() == object.version();
    InsertLocked(known ? *held : object);
    if (!known) changes.push_back({held == before.end() ? PackedObject() : *held, object});
  }
  for (const PackedObject& object : before) {
    if (!objects_.contains(object)) changes.push_back({object, {}});
  }
  return changes;
}

Object ObjectStore::Get(std::string_view ns, std::string_view name) const {
  PackedObject found;
  {
    const std::lock_guard lock(mutex_);
    const auto it = objects_.find(ObjectKey(ns, name));
    if (it != objects_.end()) found = *it;
  }
  return found.Unpack();
}

std::vector<Object> ObjectStore::List(std::string_view ns) const {
  std::vector<PackedObject> found;
  {
    const std::lock_guard lock(mutex_);
    for (const PackedObject& object : objects_) {
      if (IsIn(object, ns)) found.push_back(object);
    }
  }
  return UnpackAll(found);
}

std::vector<Object> ObjectStore::Find(std::string_view ns, const std::string& value) const {
  std::vector<PackedObject> found;
  {
    const std::lock_guard lock(mutex_);
    auto [begin, end] = indexed_.equal_range(value);
    for (; begin != end; ++begin) {
      if (IsIn(begin->second, ns)) found.push_back(begin->second);
    }
  }
  return UnpackAll(found);
}

std::vector<PackedObject> ObjectStore::All() const {
  const std::lock_guard lock(mutex_);
  return {objects_.begin(), objects_.end()};
}

std::vector<std::string> ObjectStore::Keys(std::string_view ns) const {
  std::vector<std::string> keys;
  const std::lock_guard lock(mutex_);
  for (const PackedObject& object : objects_) {
    if (IsIn(object, ns)) keys.push_back(object.key());
  }
  return keys;
}

std::size_t ObjectStore::Size() const {
  const std::lock_guard lock(mutex_);
  return objects_.size();
}

}  // namespace stoker::kube
