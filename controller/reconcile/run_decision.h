#pragma once

// What to do about one Job that says it is an in-process run, and whether to trust it.
//
// Anyone with the built-in `edit` role can create Jobs. One is executed only if its controller
// reference is a live policy's UID, its own UID is status.activeRun.uid (which users cannot write),
// and it is told apart from the moment between its creation and that status. What is not ours is
// told of and left alone.
//
// Thread safety: pure functions.

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "controller/base/clock.h"
#include "controller/reconcile/run_state.h"
#include "controller/warming/run/report.h"

namespace stoker::reconcile {

enum class Trust {
  kTrusted,
  kNotYet,  // the intended run; status does not hold its UID yet
  kForged,
};
// `policy`: the live object that the controller reference names; null when there is none.
Trust JudgeJob(const nlohmann::json& job, const nlohmann::json* policy);

enum class HostState {  // what this process does for the Job
  kAbsent,
  kRunning,
  kEnded,  // with a report
};

struct RunObserved {
  const nlohmann::json* job = nullptr;     // null: deleted
  const nlohmann::json* policy = nullptr;  // as JudgeJob
  HostState host = HostState::kAbsent;
  bool paused = false;
};

enum class RunStep {
  kNothing,
  kCancel,  // the Job is gone, or going: end the data plane now
  kTellForged,
  kAwaitStatus,
  kSuspend,  // tell in the Job's status that it is held back; pause what runs
  kBegin,    // take the run up, once there is a place: at first, or where another leader left it
  kResume,
  kFinish,  // write the report into the Job's status
};
RunStep DecideRun(const RunObserved& observed);

inline constexpr std::int64_t kMaxInVain = 3;
// A run that is taken up may be over: its report was kept and only the Job does not say so, or it
// has brought its host down too often without getting further. Nullopt: it shall be executed.
std::optional<warming::Report> OverAlready(std::int64_t in_vain,
                                           const std::optional<warming::Report>& kept);

// Merge patches of a Job's status, by the rules that the API server enforces on Jobs managed by
// others: startTime is set once (again only after a suspension), active is 0 at the end, Complete
// comes with SuccessCriteriaMet and completionTime, Failed with FailureTarget and without.
nlohmann::json RunningStatus(const nlohmann::json& job, WallTime now);
nlohmann::json SuspendedStatus(const nlohmann::json& job, WallTime now);
nlohmann::json FinishedStatus(const nlohmann::json& job, const warming::Report& report,
                              WallTime now);

}  // namespace stoker::reconcile
