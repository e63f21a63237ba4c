#pragma once

// Looks at one schedule and does what DecideSchedule says; runs are begun by the same code as a
// policy's.
//
// Thread safety: Reconcile() from several threads, never for one key at a time.

#include <string>

#include "controller/reconcile/context.h"
#include "controller/reconcile/run_starter.h"
#include "controller/reconcile/schedule_decision.h"

namespace stoker::reconcile {

class ScheduleReconciler {
 public:
  explicit ScheduleReconciler(Context& context) : context_(context), starter_(context) {}
  ReconcileResult Reconcile(const std::string& key);

 private:
  Result<ScheduleObserved> Observe(const nlohmann::json& object);
  Result<FollowedRun> Follow(const std::string& ns, const nlohmann::json& entry,
                             const std::string& policy);
  // The Job's name and UID, or what keeps the slot from starting.
  Result<nlohmann::json> Start(const nlohmann::json& object, const std::string& policy,
                               WallTime slot);
  // Writes on the policy what it lacks, and returns why the slot waits.
  Error TellProblems(const nlohmann::json& live, const api::WarmingPolicy& policy,
                     std::vector<Problem> problems);
  [[nodiscard]] Status MayStart(const nlohmann::json& live, const api::WarmingPolicy& policy) const;

  Context& context_;
  RunStarter starter_;
};

}  // namespace stoker::reconcile
