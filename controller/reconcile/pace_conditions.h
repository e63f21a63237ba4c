#pragma once

// What a run's pace says of its origin: the conditions Throttled, CircuitOpen and EmergencyStopped,
// and what follows from the last one.
//
// A run that stopped itself until a person resumes it is held by suspending its Job: its pods end, or
// its place in the controller is given back, and nothing waits in memory for days. The Job says so
// itself, in an annotation that comes with the suspension, so that no crash in between leaves a Job
// that nobody would resume. The policy's annotation stoker.dev/resumeAt lets it go on; the value that it
// had when the run stopped does not.
//
// Thread safety: pure functions on values.

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "controller/reconcile/policy_decision.h"
#include "controller/reconcile/run_state.h"
#include "controller/warming/run/report.h"

namespace stoker::reconcile {

struct PaceObserved {
  const ActiveRun& run;
  const JobState& job;
  const warming::Progress* progress = nullptr;  // null: nobody has spoken yet
  std::string resume_at;                        // the annotation as status can hold it
  std::int64_t generation = 0;
};

// Writes the conditions and status.origin; what to do about the Job, if anything.
std::optional<JobHold> FollowPace(nlohmann::json& status, const PaceObserved& seen,
                                  std::vector<EventToSend>& events, WallTime now);

// The merge patch that carries the hold out.
nlohmann::json HoldPatch(const JobState& job, const JobHold& hold);

}  // namespace stoker::reconcile
