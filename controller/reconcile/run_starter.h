#pragma once

// Begins a run so that it happens once, whoever dies when.
//
// The order is: plan and pinned sources (immutable, named by content), then status.activeRun as an
// intent (refused when somebody else wrote the status), then the Job (made, or adopted when it is
// there and ours), then its UID into activeRun. A controller that dies between two steps is
// followed by one that finds the intent and goes on from there, with the plan that was frozen then.
//
// Thread safety: the caller holds the policy's lock (context.h).

#include <nlohmann/json.hpp>

#include "controller/reconcile/context.h"

namespace stoker::reconcile {

class RunStarter {
 public:
  explicit RunStarter(Context& context) : context_(context) {}

  // `status`: the policy's as decided, written together with the intent. Returns the policy as it
  // now is.
  Result<nlohmann::json> Begin(const nlohmann::json& object, nlohmann::json status,
                               const api::WarmingPolicy& policy, const Resolved& resolved,
                               const Trigger& trigger);
  // The second half, for an intent that is in status. Ends the run as failed where its Job can
  // never be.
  Result<nlohmann::json> EnsureJob(const nlohmann::json& object);

 private:
  struct Plan;
  Result<Plan> Freeze(const nlohmann::json& object, const api::WarmingPolicy& policy);
  Result<nlohmann::json> MakeJob(const nlohmann::json& object, const ActiveRun& run);
  Result<nlohmann::json> Adopt(const nlohmann::json& object, const ActiveRun& run);
  Status CreateImmutable(const nlohmann::json& config_map);
  // Nothing of the run is there yet, and its plan is refused.
  Result<nlohmann::json> CannotFreeze(const nlohmann::json& object, nlohmann::json status,
                                      const ActiveRun& run, const Error& error);
  // Ends a run that never began; `reason` as docs/conditions.md has it.
  Result<nlohmann::json> Refused(const nlohmann::json& object, nlohmann::json status,
                                 const ActiveRun& run, const char* reason, const Error& error);

  Context& context_;
};

}  // namespace stoker::reconcile
