#pragma once

// Turns a stream of changes to one resource kind into a local, queryable copy.
//
// The stream lies: it drops, repeats and expires. An Informer hides that: WatchList where the server has
// it, else a paged LIST and a WATCH from its resourceVersion, with bookmarks; on 410 it lists again, on a
// clean end it resumes, on errors it backs off with jitter. The states are explicit (as in kube-rs'
// watcher). managedFields are pruned before an object is kept.
//
// Thread safety: Get(), List() and Synced() from any thread; handlers run on the informer's own thread,
// one at a time, never after Stop() has returned.

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "controller/base/clock.h"
#include "controller/kube/client.h"

namespace stoker::kube {

using Object = std::shared_ptr<const nlohmann::json>;

struct InformerOptions {
  Resource resource;
  std::string ns;  // empty: all namespaces
  std::string label_selector;
  std::string field_selector;
  Millis resync{std::chrono::hours(10)};  // every object is handed to the handler again
};

class Informer {
 public:
  // `old_object` is null for an addition, `new_object` is null for a deletion.
  using Handler = std::function<void(const Object& old_object, const Object& new_object)>;

  Informer(Client& client, InformerOptions options);
  ~Informer();  // stops

  void OnChange(Handler handler);  // before Start
  void Start();
  void Stop();
  [[nodiscard]] bool Synced() const;
  bool WaitSynced(Millis timeout) const;

  [[nodiscard]] Object Get(std::string_view ns, std::string_view name) const;
  [[nodiscard]] std::vector<Object> List(std::string_view ns = {}) const;
  [[nodiscard]] size_t Size() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stoker::kube
