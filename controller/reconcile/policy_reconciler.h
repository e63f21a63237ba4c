#pragma once

// Looks at one policy and does what DecidePolicy says.
//
// Thread safety: Reconcile() from several threads, never for one key at a time (the work queue sees
// to it).

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "controller/reconcile/context.h"
#include "controller/reconcile/housekeeping.h"
#include "controller/reconcile/run_starter.h"

namespace stoker::reconcile {

class PolicyReconciler {
 public:
  explicit PolicyReconciler(Context& context)
      : context_(context), starter_(context), housekeeping_(context) {}
  ReconcileResult Reconcile(const std::string& key);

 private:
  struct Memory {  // between two looks at one policy
    SteadyTime written;
    std::string waiting;
    std::string run_uid;                 // the run that was active then
    std::optional<SteadyTime> rollouts;  // when these were looked at
  };
  struct Look {
    PolicyObserved observed;
    Resolved resolved;
  };
  Result<Look> Observe(const nlohmann::json& object, const Memory& memory);
  // How long until the policy's workloads are to be looked at; nullopt: they are not.
  std::optional<Millis> UntilRollouts(const PolicyObserved& observed, const Memory& memory) const;
  Status ObserveRun(const nlohmann::json& object, PolicyObserved& observed);
  Status ObserveInProcess(const ActiveRun& run, const std::string& ns, PolicyObserved& observed);
  void ObservePods(const ActiveRun& run, const nlohmann::json& job, PolicyObserved& observed);
  ReconcileResult Act(const nlohmann::json& object, const Look& look, PolicyDecision decision);
  // Of a run that is over, or whose policy is gone: nobody will ask for its progress any more.
  void LetGo(const std::string& run_uid);
  Memory Recall(const std::string& key);
  void Remember(const std::string& key, const Memory& memory);

  Context& context_;
  RunStarter starter_;
  Housekeeping housekeeping_;
  std::mutex mutex_;
  std::map<std::string, Memory> memory_;  // protected by mutex_
};

}  // namespace stoker::reconcile
