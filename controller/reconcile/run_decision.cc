#include "controller/reconcile/run_decision.h"

#include <fmt/format.h>

#include "controller/reconcile/conditions.h"
#include "controller/reconcile/json_view.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxConditionMessage = 1024;

// The list with `type` set; Job conditions have no observedGeneration.
void SetJobCondition(json& status, const char* type, const char* value, const std::string& reason,
                     const std::string& message, WallTime now) {
  SetCondition(status, {type, value, reason, message, 0}, now);
  for (json& condition : status["conditions"]) {
    condition.erase("observedGeneration");
    if (Text(condition, {"type"}) == type) condition["lastProbeTime"] = FormatTime(now);
  }
}

json StatusWithConditions(const json& job) {
  json status = json::object();
  if (const json* conditions = Find(job, {"status", "conditions"}))
    status["conditions"] = *conditions;
  return status;
}

}  // namespace

Trust JudgeJob(const json& job, const json* policy) {
  if (policy == nullptr || IsBeingDeleted(*policy)) return Trust::kForged;
  const std::string owner = ControllerUid(job);
  if (owner.empty() || owner != Uid(*policy) || Namespace(job) != Namespace(*policy)) {
    return Trust::kForged;
  }
  const auto active = ReadActiveRun(policy->value("status", json::object()));
  if (!active || active->mode != RunMode::kInProcess || active->name != Name(job)) {
    return Trust::kForged;
  }
  if (active->uid.empty()) return Trust::kNotYet;
  return active->uid == Uid(job) ? Trust::kTrusted : Trust::kForged;
}

RunStep DecideRun(const RunObserved& observed) {
  if (observed.job == nullptr || IsBeingDeleted(*observed.job)) return RunStep::kCancel;
  const JobState job = ReadJob(*observed.job);
  if (!job.in_process || job.Finished()) return RunStep::kNothing;
  switch (JudgeJob(*observed.job, observed.policy)) {
    case Trust::kNotYet:
      return RunStep::kAwaitStatus;
    case Trust::kForged:
      if (observed.host != HostState::kAbsent) return RunStep::kCancel;
      // A run that had begun lost its policy, or its place in status: it is being cleaned up.
      return job.start ? RunStep::kNothing : RunStep::kTellForged;
    case Trust::kTrusted:
      break;
  }
  if (observed.host == HostState::kEnded) return RunStep::kFinish;
  const bool told = job.phase == JobState::Phase::kSuspended && !job.start &&
                    IsTrue(observed.job->value("status", json::object()), "Suspended");
  if (job.phase == JobState::Phase::kSuspended) {
    const bool held = observed.host == HostState::kAbsent || observed.paused;
    return told && held ? RunStep::kNothing : RunStep::kSuspend;
  }
  if (observed.host == HostState::kRunning) {
    return observed.paused ? RunStep::kResume : RunStep::kNothing;
  }
  return RunStep::kBegin;
}

std::optional<warming::Report> OverAlready(std::int64_t in_vain,
                                           const std::optional<warming::Report>& kept) {
  if (kept || in_vain <= kMaxInVain) return kept;
  warming::Report report;
  report.result = warming::Report::Result::kFailed;
  report.reason = "RunLostTooOften";
  report.message = fmt::format(
      "the controller ended {} times in a row while it executed this run, which got no further "
      "meanwhile; set spec.execution.mode to Pods",
      kMaxInVain);
  return report;
}

json RunningStatus(const json& job, WallTime now) {
  json status = StatusWithConditions(job);
  if (!Time(job, {"status", "startTime"})) status["startTime"] = FormatTime(now);
  if (IsTrue(status, "Suspended")) {
    SetJobCondition(status, "Suspended", "False", "JobResumed", "Job resumed", now);
  }
  status["active"] = 1;
  status["ready"] = 1;
  return status;
}

json SuspendedStatus(const json& job, WallTime now) {
  json status = StatusWithConditions(job);
  SetJobCondition(status, "Suspended", "True", "JobSuspended", "Job suspended", now);
  status["startTime"] = nullptr;
  status["active"] = 0;
  status["ready"] = 0;
  return status;
}

json FinishedStatus(const json& job, const warming::Report& report, WallTime now) {
  json status = StatusWithConditions(job);
  const std::string message = Capped(report.message, kMaxConditionMessage);
  if (!Time(job, {"status", "startTime"})) status["startTime"] = FormatTime(now);
  status["active"] = 0;
  status["ready"] = 0;
  if (report.result == warming::Report::Result::kSucceeded) {
    SetJobCondition(status, "SuccessCriteriaMet", "True", "CompletionsReached", message, now);
    SetJobCondition(status, "Complete", "True", "CompletionsReached", message, now);
    status["completionTime"] = FormatTime(now);
    status["succeeded"] = 1;
  } else {
    SetJobCondition(status, "FailureTarget", "True", report.reason, message, now);
    SetJobCondition(status, "Failed", "True", report.reason, message, now);
    status["failed"] = 1;
  }
  return status;
}

}  // namespace stoker::reconcile
