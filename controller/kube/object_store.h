#pragma once

// The local copy that an informer keeps, and what changed when something new arrives.
//
// Repeats and steps back in time change nothing: an object whose resourceVersion is known, or older
// than what is held, yields no change.
//
// Thread safety: all methods from any thread.

#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace stoker::kube {

using Object = std::shared_ptr<const nlohmann::json>;

struct Change {
  Object old_object;  // null: added
  Object new_object;  // null: deleted
};

class ObjectStore {
 public:
  // Added or modified.
  std::optional<Change> Put(nlohmann::json object);
  std::optional<Change> Remove(const nlohmann::json& object);
  // The whole truth: what is held and not listed is deleted.
  std::vector<Change> ReplaceAll(std::vector<nlohmann::json> objects);

  [[nodiscard]] Object Get(std::string_view ns, std::string_view name) const;
  [[nodiscard]] std::vector<Object> List(std::string_view ns) const;
  [[nodiscard]] std::size_t Size() const;

 private:
  using Map = std::unordered_map<std::string, Object>;

  mutable std::mutex mutex_;
  Map objects_;  // by "namespace/name"; protected by mutex_
};

}  // namespace stoker::kube
