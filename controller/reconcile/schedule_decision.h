#pragma once

// What to do about one PrewarmSchedule: CronJob's semantics, in CronJob's order of checks.
//
// Deleting, unknown zone, suspended, unparsable, not due, late, already done, run going on, create.
// Only the most recent missed slot starts a run; lastScheduleTime is the slot's nominal time and
// moves only when a run was made for it, so a slot refused now (a run goes on, the policy is not
// ready) may start late, within startingDeadlineSeconds.
//
// Thread safety: pure functions.

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "controller/api/types.h"
#include "controller/base/result.h"
#include "controller/reconcile/policy_decision.h"
#include "controller/reconcile/run_state.h"
#include "controller/reconcile/schedule_slots.h"

namespace stoker::reconcile {

// One of status.active. That nobody knows it is what the server says, never a cache alone.
struct FollowedRun {
  std::string name;
  std::optional<nlohmann::json> policy;  // that it is of; nullopt: not there
  std::optional<JobState> job;           // nullopt: not there
};

struct ScheduleObserved {
  nlohmann::json object;
  Result<api::PrewarmSchedule> schedule = Internal("not read");
  std::optional<nlohmann::json> policy;  // nullopt: not there
  bool policy_suspended = false;
  std::vector<FollowedRun> runs;  // status.active
};

struct ScheduleDecision {
  nlohmann::json status;
  std::optional<WallTime> start;  // begin a run for this slot
  std::vector<EventToSend> events;
  Again again;
};

ScheduleDecision DecideSchedule(const ScheduleObserved& observed, WallTime now);

// The status after `run`, an activeRun or lastRun of `policy`, was made (or adopted) for `slot`.
nlohmann::json StatusAfterStart(nlohmann::json status, WallTime slot, const std::string& policy,
                                const nlohmann::json& run);

}  // namespace stoker::reconcile
