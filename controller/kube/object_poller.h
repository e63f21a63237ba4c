#pragma once

// A local copy of a few objects that may be read by name, but neither listed nor watched.
//
// A Role reaches the Namespace that it lives in by `get` alone, for a list or watch of namespaces
// concerns the whole cluster. So each object is read now and then. That the server knows no such
// object, or lets us not see it, is an answer too; the latter is logged once, with the mend.
//
// Thread safety: Get(), Refused() and Synced() from any thread; the handler runs on the poller's own
// thread, never after Stop() has returned. Shutdown: Stop() ends a read that is under way.

#include <memory>
#include <string>
#include <vector>

#include "controller/kube/informer.h"

namespace stoker::kube {

class ObjectPoller {
 public:
  // Cluster-scoped objects of these names, each read every `every`.
  ObjectPoller(Client& client, const Resource& resource, std::vector<std::string> names,
               Millis every);
  ~ObjectPoller();  // stops

  void OnChange(Informer::Handler handler);  // before Start
  void Start();
  void Stop();
  // The server has answered for every name.
  [[nodiscard]] bool Synced() const;
  // Null: not there, or not for us.
  [[nodiscard]] Object Get(const std::string& name) const;
  // The server does not let us read it.
  [[nodiscard]] bool Refused(const std::string& name) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stoker::kube
