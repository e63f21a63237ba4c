#pragma once

// Turns a stream of changes to one resource kind into a local, queryable copy.
//
// The stream lies: it drops, repeats and expires. An Informer hides that: WatchList where the
// server has it, else a paged LIST and a WATCH from its resourceVersion, with bookmarks; on 410 it
// lists again, on a clean end it resumes, on errors it backs off with jitter. The states are
// explicit (as in kube-rs' watcher). What is kept is packed (packed_object.h): every look parses, so
// ask for one object, or for those found by the index, rather than for all.
//
// Thread safety: Get(), List(), Find(), Keys() and Synced() from any thread; handlers run on the
// informer's own thread, one at a time, never after Stop() has returned.

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "controller/kube/client.h"
#include "controller/kube/object_store.h"
#include "controller/kube/watch_state.h"

namespace stoker::kube {

struct InformerOptions {
  Resource resource;
  std::string ns;  // empty: all namespaces
  std::string label_selector;
  std::string field_selector;
  IndexFunction index;                    // null: objects are found by their name alone
  Millis resync{std::chrono::hours(10)};  // every object is handed to the handler again
  BackoffOptions backoff;
  Millis watch_timeout{290'000};  // the server ends a watch after this at the latest
  Millis silence{90'000};         // bookmarks come every minute; a longer silence is a dead peer
  Millis list_silence{30'000};    // the same while the list is streamed
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
  // Those for which the index function gave `value`.
  [[nodiscard]] std::vector<Object> Find(std::string_view ns, const std::string& value) const;
  [[nodiscard]] std::vector<std::string> Keys(std::string_view ns = {}) const;  // "namespace/name"
  [[nodiscard]] size_t Size() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stoker::kube
