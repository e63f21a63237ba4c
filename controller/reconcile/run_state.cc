#include "controller/reconcile/run_state.h"

#include <charconv>

#include "controller/reconcile/conditions.h"
#include "controller/reconcile/json_view.h"
#include "controller/reconcile/names.h"

namespace stoker::reconcile {

std::string_view ToString(RunMode mode) {
  return mode == RunMode::kInProcess ? "InProcess" : "Pods";
}

std::optional<ActiveRun> ReadActiveRun(const nlohmann::json& status) {
  const nlohmann::json* active = Find(status, {"activeRun"});
  if (active == nullptr) return std::nullopt;
  ActiveRun run;
  run.name = Text(*active, {"name"});
  run.uid = Text(*active, {"uid"});
  run.plan_hash = Text(*active, {"planHash"});
  run.change_hash = Text(*active, {"changeHash"});
  run.trigger = Text(*active, {"trigger"});
  run.request = Text(*active, {"request"});
  run.schedule = Text(*active, {"schedule"});
  run.slot = Text(*active, {"slot"});
  run.start_time = Text(*active, {"startTime"});
  run.mode = Text(*active, {"mode"}) == "InProcess" ? RunMode::kInProcess : RunMode::kPods;
  run.attempt = Number(*active, {"attempt"}, 1);
  if (run.name.empty()) return std::nullopt;
  return run;
}

nlohmann::json ToJson(const ActiveRun& run) {
  nlohmann::json json = {{"name", run.name},           {"planHash", run.plan_hash},
                         {"trigger", run.trigger},     {"startTime", run.start_time},
                         {"mode", ToString(run.mode)}, {"attempt", run.attempt}};
  const auto add = [&](const char* member, const std::string& value) {
    if (!value.empty()) json[member] = value;
  };
  add("uid", run.uid);
  add("changeHash", run.change_hash);
  add("request", run.request);
  add("schedule", run.schedule);
  add("slot", run.slot);
  return json;
}

JobState ReadJob(const nlohmann::json& job) {
  JobState state;
  state.name = Name(job);
  state.uid = Uid(job);
  state.in_process = Text(job, {"spec", "managedBy"}) == kInProcessManager;
  state.being_deleted = IsBeingDeleted(job);
  state.start = Time(job, {"status", "startTime"});
  state.end = Time(job, {"status", "completionTime"});
  state.ready = Number(job, {"status", "ready"});
  const std::string attempt = Annotation(job, kAttemptAnnotation);
  std::from_chars(attempt.data(), attempt.data() + attempt.size(), state.attempt);
  if (state.start) state.phase = JobState::Phase::kRunning;
  if (Flag(job, {"spec", "suspend"})) state.phase = JobState::Phase::kSuspended;

  state.resource_version = ResourceVersion(job);
  if (state.phase == JobState::Phase::kSuspended) {
    state.stopped = Annotation(job, kStoppedAnnotation);
    state.resume_seen = Annotation(job, kResumeSeenAnnotation);
  }

  const nlohmann::json* status = Find(job, {"status"});
  if (status == nullptr) return state;
  for (const auto& [type, phase] : {std::pair{"Complete", JobState::Phase::kSucceeded},
                                    std::pair{"Failed", JobState::Phase::kFailed}}) {
    if (!IsTrue(*status, type)) continue;
    const nlohmann::json& condition = *FindCondition(*status, type);
    state.phase = phase;
    state.reason = Text(condition, {"reason"});
    state.message = Text(condition, {"message"});
    if (!state.end) state.end = Time(condition, {"lastTransitionTime"});
  }
  return state;
}

}  // namespace stoker::reconcile
