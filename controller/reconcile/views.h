#pragma once

// What the informers hold, as the reconcilers read it: policies, schedules, Jobs, pods, namespaces.
//
// With a list of namespaces to watch there is one informer a kind and namespace; a View hides that.
//
// Thread safety: as Informer. Shutdown: Stop() stops every informer.

#include <memory>
#include <string>
#include <vector>

#include "controller/kube/informer.h"

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

struct Views {
  // `namespaces` empty: all. Jobs and pods are selected by our label; Secrets are never watched.
  Views(kube::Client& client, const std::vector<std::string>& namespaces);
  void Start();
  void Stop();
  [[nodiscard]] bool Synced() const;
  // Whether the namespace is labelled for in-process runs.
  [[nodiscard]] bool InProcessAllowed(const std::string& ns) const;

  View policies;
  View schedules;  // found by the name of their policy
  View jobs;       // found by the UID of their controller
  View pods;       // found by the UID of their controller
  View namespaces;
};

}  // namespace stoker::reconcile
