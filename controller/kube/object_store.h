#pragma once

// The local copy that an informer keeps, and what changed when something new arrives.
//
// Repeats and steps back in time change nothing: an object whose resourceVersion is known, or older
// than what is held, yields no change. What is held is packed; looking an object up parses it.
//
// Thread safety: all methods from any thread; nothing is parsed under the lock.

#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "controller/kube/packed_object.h"

namespace stoker::kube {

struct Change {
  PackedObject old_object;  // null: added
  PackedObject new_object;  // null: deleted
};

class ObjectStore {
 public:
  // Added or modified.
  std::optional<Change> Put(PackedObject object);
  // The object as it was when it was deleted.
  std::optional<Change> Remove(const nlohmann::json& object);
  // The whole truth: what is held and not listed is deleted.
  std::vector<Change> ReplaceAll(const std::vector<PackedObject>& objects);

  [[nodiscard]] Object Get(std::string_view ns, std::string_view name) const;
  // Of one namespace; empty: of all.
  [[nodiscard]] std::vector<Object> List(std::string_view ns) const;
  // Those of the namespace for which the index function gave `value`, which is not empty.
  [[nodiscard]] std::vector<Object> Find(std::string_view ns, const std::string& value) const;
  // As they are held.
  [[nodiscard]] std::vector<PackedObject> All() const;
  // "namespace/name" of each.
  [[nodiscard]] std::vector<std::string> Keys(std::string_view ns) const;
  [[nodiscard]] std::size_t Size() const;

 private:
  struct ByKey {
    using is_transparent = void;  // NOLINT(readability-identifier-naming): the library's name
    std::size_t operator()(std::string_view key) const {
      return std::hash<std::string_view>{}(key);
    }
    std::size_t operator()(const PackedObject& object) const { return (*this)(object.key()); }
    bool operator()(const PackedObject& a, const PackedObject& b) const {
      return a.key() == b.key();
    }
    bool operator()(const PackedObject& a, std::string_view b) const { return a.key() == b; }
    bool operator()(std::string_view a, const PackedObject& b) const { return a == b.key(); }
  };
  using Set = std::unordered_set<PackedObject, ByKey, ByKey>;

  void InsertLocked(const PackedObject& object);
  void EraseLocked(Set::iterator at);

  mutable std::mutex mutex_;
  Set objects_;  // protected by mutex_
  std::multimap<std::string, PackedObject>
      indexed_;  // by what they are found by; protected by mutex_
};

}  // namespace stoker::kube
