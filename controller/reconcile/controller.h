#pragma once

// The controller as a whole: watches, leads or waits, reconciles, and ends in good order.
//
// Every replica keeps its caches warm; only the holder of the lease reconciles and runs. Shutdown
// order: be ready no longer; take no more work; drain in-process runs (1.5 s at most) and leave
// their checkpoints (their Jobs stay active for the next leader); stop the term's threads; flush
// events; release the lease; stop the informers.
//
// Thread safety: Healthy() and Ready() from any thread; the rest from the one that made it.

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "controller/kube/client.h"
#include "controller/kube/events.h"
#include "controller/kube/leader.h"
#include "controller/reconcile/term.h"

namespace stoker::reconcile {

struct ControllerOptions {
  std::vector<std::string> namespaces;  // to watch; empty: all
  kube::LeaderOptions leader;
  TermOptions term;  // transitions and may_act are the controller's to fill
};

class Controller {
 public:
  Controller(std::shared_ptr<kube::Transport> transport, ControllerOptions options);
  ~Controller();

  void Start();
  void Stop();

  // Alive: no reconcile hangs. The answer of /healthz.
  [[nodiscard]] Status Healthy() const;
  // The caches are filled, and it is not stopping. The answer of /readyz.
  [[nodiscard]] Status Ready() const;
  [[nodiscard]] bool Leads() const;

 private:
  using Handler = void (Term::*)(const kube::Object&, const kube::Object&);
  kube::Informer::Handler ToTerm(Handler handler);
  [[nodiscard]] kube::LeaderOptions ElectorOptions();
  void BeginTerm();
  void EndTerm(bool hand_over);

  const ControllerOptions options_;
  std::unique_ptr<kube::LeaderElector> elector_;
  kube::Client reader_;  // lists, watches and the lease
  kube::Client writer_;  // refuses to write unless we lead
  std::unique_ptr<kube::EventRecorder> events_;
  Views views_;
  mutable std::mutex mutex_;
  std::shared_ptr<Term> term_;  // null: we do not lead; protected by mutex_
  bool stopping_ = false;       // protected by mutex_
};

}  // namespace stoker::reconcile
