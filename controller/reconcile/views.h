#pragma once

// What the informers hold, as the reconcilers read it: policies, schedules, Jobs, pods, namespaces.
//
// With a list of namespaces to watch there is one informer a kind and namespace; a View hides that.
// Then the namespaces themselves are read one by one, so that no right on the cluster is needed.
//
// Thread safety: as Informer. Shutdown: Stop() stops every informer.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/kube/informer.h"
#include "controller/kube/object_poller.h"

namespace stoker::reconcile {

class View {
 public:
  View(kube::Client& client, const kube::InformerOptions& options,
       const std::vector<std::string>& namespaces);

  void OnChange(const kube::Informer::Handler& handler);
  void Start();
  void Stop();
  [[nodiscard]] bool Synced() const;
  [[nodiscard]] kube::Object Get(std::string_view ns, std::string_view name) const;
  // Those of `ns` that are found by `value` (see Views).
  [[nodiscard]] std::vector<kube::Object> Find(std::string_view ns, const std::string& value) const;
  [[nodiscard]] std::vector<std::string> Keys(std::string_view ns = {}) const;  // "namespace/name"

 private:
  std::vector<std::unique_ptr<kube::Informer>> informers_;
};

// What namespaces are labelled with.
class NamespaceView {
 public:
  NamespaceView(kube::Client& client, const std::vector<std::string>& watched, Millis recheck);

  void OnChange(const kube::Informer::Handler& handler);
  void Start();
  void Stop();
  [[nodiscard]] bool Synced() const;
  // Whether the namespace is labelled for in-process runs; nullopt: not known yet. One that we may
  // not read is not.
  [[nodiscard]] std::optional<bool> InProcessAllowed(const std::string& ns) const;

 private:
  std::unique_ptr<View> all_;                 // all namespaces are watched, or
  std::unique_ptr<kube::ObjectPoller> some_;  // these are read now and then
};

struct Views {
  // `watched` empty: all. Jobs and pods are selected by our label; Secrets are never watched.
  // `recheck`: between looks at a namespace that is read, not watched.
  Views(kube::Client& client, const std::vector<std::string>& watched, Millis recheck);
  void Start();
  void Stop();
  [[nodiscard]] bool Synced() const;
  View policies;
  View schedules;  // found by the name of their policy
  View jobs;       // found by the UID of their controller
  View pods;       // found by the UID of their controller
  NamespaceView namespaces;
};

}  // namespace stoker::reconcile
