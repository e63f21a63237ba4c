#include "controller/reconcile/policy_decision.h"

#include <fmt/format.h>

#include <algorithm>

#include "controller/api/manifest.h"
#include "controller/base/hash.h"
#include "controller/reconcile/conditions.h"
#include "controller/reconcile/json_view.h"
#include "controller/reconcile/names.h"
#include "controller/reconcile/pace_conditions.h"
#include "controller/reconcile/policy_status.h"
#include "controller/reconcile/shards.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;
using warming::Report;

constexpr Millis kProgressEvery{1000};
constexpr Millis kIntentRetry{1000};
constexpr Millis kCancelPoll{100};
constexpr Millis kAccountPoll{200};

std::int64_t Generation(const json& object) { return Number(object, {"metadata", "generation"}); }

void WriteReady(json& status, const PolicyObserved& observed, PolicyDecision& decision,
                WallTime now) {
  const std::int64_t generation = Generation(observed.object);
  const auto not_ready = [&](const std::string& reason, const std::string& message) {
    SetCondition(status, {kReady, "False", reason, message, generation}, now);
  };
  status["observedGeneration"] = generation;
  if (!observed.policy) {
    const std::string& message = observed.policy.error().message;
    not_ready("InvalidSpec", message);
    SetCondition(status, {kStalled, "True", "InvalidSpec", message, generation}, now);
    RemoveCondition(status, kReconciling);
    return;
  }
  RemoveCondition(status, kStalled);
  std::optional<Problem> problem = PlacementProblem(
      observed.policy->spec.execution, observed.in_process_allowed, Namespace(observed.object));
  if (!problem && observed.references && !observed.references->empty()) {
    problem = observed.references->front();
  }
  if (problem) {
    if (ConditionReason(status, kReady) != problem->reason) {
      decision.events.push_back({kube::EventType::kWarning, problem->reason, problem->message});
    }
    not_ready(problem->reason, problem->message);
    SetCondition(status,
                 {kReconciling, "True", "ProgressingWithRetry",
                  fmt::format("looked at again every {}: {}", FormatDuration(observed.recheck),
                              problem->message),
                  generation},
                 now);
    decision.again.About(observed.recheck);
    return;
  }
  RemoveCondition(status, kReconciling);
  SetCondition(status,
               {kReady, "True", "Accepted", "the spec is accepted and looked after", generation},
               now);
}

std::string Wish(const json& object, const char* annotation) {
  constexpr std::size_t kLongest = 256;
  std::string wish = Annotation(object, annotation);
  return wish.size() <= kLongest ? wish : "sha256:" + Sha256Hex(wish);
}

std::string CurrentHash(const PolicyObserved& observed) {
  return observed.policy ? api::ChangeHash(observed.policy->spec_json) : std::string();
}

EventToSend EndEvent(const ActiveRun& run, const Report& report) {
  const bool good = report.result == Report::Result::kSucceeded;
  const char* reason = good                                          ? "RunCompleted"
                       : report.result == Report::Result::kCancelled ? "RunCancelled"
                                                                     : "RunFailed";
  return {good ? kube::EventType::kNormal : kube::EventType::kWarning, reason,
          fmt::format("run {} {}: {}", run.name,
                      good ? "completed"
                           : (report.result == Report::Result::kCancelled
                                  ? "was cancelled"
                                  : "failed (" + report.reason + ")"),
                      report.message)};
}

// The account of a run that is over; nullopt: it goes on.
std::optional<Report> EndOfRun(const PolicyObserved& observed, const ActiveRun& run) {
  if (!observed.job || observed.job->being_deleted) {
    // Deleted after it had ended: the account stands.
    if (observed.report && observed.report->result != Report::Result::kCancelled) {
      return observed.report;
    }
    Report report;
    report.result = Report::Result::kCancelled;
    report.reason = "Cancelled";
    report.message = fmt::format("Job {} was deleted", run.name);
    report.progress = observed.report ? observed.report->progress
                      : observed.progress
                          ? *observed.progress
                          : ReadProgress(observed.object.value("status", json::object()));
    return report;
  }
  if (!observed.job->Finished()) return std::nullopt;
  const bool succeeded = observed.job->phase == JobState::Phase::kSucceeded;
  const auto& report = observed.report;
  if (report && succeeded == (report->result == Report::Result::kSucceeded)) return report;
  // No pod knows of the others that they had nothing to do either, so the Job does not.
  if (report && succeeded && report->reason == kNothingDiscovered) return report;
  return ReportOfJob(*observed.job, report ? std::optional(report->progress) : observed.progress);
}

void FollowRun(const PolicyObserved& observed, ActiveRun run, PolicyDecision& decision,
               WallTime now) {
  json& status = decision.status;
  const std::int64_t generation = Generation(observed.object);
  if (run.uid.empty()) {
    decision.ensure_job = true;
    decision.again.NoLaterThan(kIntentRetry);
    return;
  }
  const bool gone = !observed.job || observed.job->being_deleted;
  if (gone && observed.host_running) {  // its account comes within a second
    decision.cancel_run = true;
    decision.again.NoLaterThan(kCancelPoll);
    return;
  }
  if (gone && observed.workers_left > 0) {  // the next run shall not send beside them
    status["progress"]["waiting"] = fmt::format(
        "Job {} was deleted; {} of its pods have not ended yet", run.name, observed.workers_left);
    decision.again.NoLaterThan(kProgressEvery);
    return;
  }
  if (!gone && observed.job->Finished() && observed.account_pending) {
    decision.again.NoLaterThan(kAccountPoll);
    return;
  }
  if (const auto end = EndOfRun(observed, run)) {
    WriteRunEnd(status, run, *end, generation, CurrentHash(observed), now);
    decision.events.push_back(EndEvent(run, *end));
    decision.run_ended = true;
    decision.urgent = true;
    decision.again.NoLaterThan(Millis(0));
    return;
  }
  run.attempt = observed.job->attempt;
  status["activeRun"] = ToJson(run);
  const warming::Progress* progress = observed.progress ? &*observed.progress : nullptr;
  if (progress != nullptr) WriteProgress(status, *progress);
  decision.hold =
      FollowPace(status, {run, *observed.job, progress, ResumeOf(observed.object), generation},
                 decision.events, now);
  WriteWarmRunning(status, run, progress, generation, now);
  if (progress != nullptr && progress->waiting &&
      progress->waiting->message != observed.last_waiting) {
    decision.events.push_back(
        {kube::EventType::kWarning, progress->waiting->reason,
         fmt::format("run {} waits: {}", run.name, progress->waiting->message)});
  }
  decision.again.NoLaterThan(kProgressEvery);
}

void ConsiderStart(const PolicyObserved& observed, PolicyDecision& decision, WallTime now) {
  json& status = decision.status;
  if (!observed.policy) return;
  WriteWarmIdle(status, Generation(observed.object), CurrentHash(observed), now);
  if (const auto until = Time(status, {"warmUntil"}); until && *until > now) {
    decision.again.NoLaterThan(std::chrono::ceil<Millis>(*until - now));
  }
  const auto due = DueTrigger(observed.object, *observed.policy,
                              observed.rollouts.value_or(std::vector<Workload>()));
  if (due && observed.references && IsTrue(status, kReady)) decision.start = due;
}

void FollowRollouts(const PolicyObserved& observed, PolicyDecision& decision, WallTime now) {
  if (observed.policy && observed.policy->spec.rollouts.empty()) decision.status.erase("rollouts");
  if (!observed.rollouts) return;
  for (const Workload& workload : *observed.rollouts) {
    const std::string told = RolloutProblem(decision.status, workload);
    if (workload.problem.empty() || workload.problem == told) continue;
    decision.events.push_back({kube::EventType::kWarning, workload.reason,
                               "spec.triggers.rollouts: " + workload.problem});
  }
  WriteRollouts(decision.status, *observed.rollouts, decision.start.has_value(), now);
}

// Whether a policy that was never looked at can be answered in one write. A run that is due takes
// longer to begin, and what has to be read may be long in coming: until then it says Unknown.
bool AnswersAtOnce(const PolicyObserved& observed) {
  if (!observed.policy) return true;
  return observed.references && !ReadActiveRun(observed.object.value("status", json::object())) &&
         !DueTrigger(observed.object, *observed.policy);
}

}  // namespace

std::string RequestOf(const json& object) { return Wish(object, kRequestedAtAnnotation); }

std::string ResumeOf(const json& object) { return Wish(object, kResumeAtAnnotation); }

std::optional<Trigger> DueTrigger(const json& object, const api::WarmingPolicy& policy,
                                  const std::vector<Workload>& rollouts) {
  if (policy.spec.suspend || Find(object, {"status", "activeRun"}) != nullptr) return std::nullopt;
  const std::string previous = Text(object, {"status", "lastRun", "uid"});
  const std::string request = RequestOf(object);
  const auto trigger = [&](const char* kind, const std::string& cause) {
    Trigger made;
    made.kind = kind;
    made.name = RunName(Name(object), Uid(object), kind, cause, previous);
    made.request = request;
    return made;
  };
  if (!request.empty() && request != Text(object, {"status", "lastHandledRequest"})) {
    return trigger(kTriggerRequest, request);
  }
  const std::string hash = api::ChangeHash(policy.spec_json);
  if (policy.spec.trigger_on_change && hash != Text(object, {"status", "warmedHash"})) {
    return trigger(kTriggerSpec, fmt::format("{}/{}", hash, Generation(object)));
  }
  if (const auto pods = Replaced(object.value("status", json::object()), rollouts)) {
    return trigger(kTriggerRollout,
                   fmt::format("{}/{}/{}", pods->kind, pods->name, FormatTime(*pods->last_start)));
  }
  return std::nullopt;
}

bool NeedsReferences(const json& object, const api::WarmingPolicy& policy,
                     const std::vector<Workload>& rollouts) {
  const json status = object.value("status", json::object());
  return Number(status, {"observedGeneration"}) != Generation(object) || !IsTrue(status, kReady) ||
         DueTrigger(object, policy, rollouts).has_value();
}

std::optional<Problem> PlacementProblem(const api::Execution& execution, bool in_process_allowed,
                                        const std::string& ns) {
  if (in_process_allowed || execution.mode != api::Execution::Mode::kInProcess) return std::nullopt;
  return Problem{
      kInProcessNotAllowed,
      fmt::format("spec.execution.mode: InProcess needs the label {}={} on namespace {}, which a "
                  "cluster administrator sets; or use mode Pods or Auto",
                  kInProcessLabel, kInProcessAllowed, ns)};
}

RunMode ChooseMode(const api::WarmingPolicySpec& spec, bool in_process_allowed,
                   std::optional<std::int64_t> entries) {
  switch (spec.execution.mode) {
    case api::Execution::Mode::kInProcess:
      return RunMode::kInProcess;
    case api::Execution::Mode::kPods:
      return RunMode::kPods;
    case api::Execution::Mode::kAuto:
      break;
  }
  const bool small_values = std::ranges::all_of(spec.origins, [](const api::Origin& origin) {
    return !origin.http || origin.http->max_body_bytes <= kInProcessValueBytes;
  });
  const bool small = entries && *entries <= kInProcessMaxEntries && small_values;
  return in_process_allowed && small ? RunMode::kInProcess : RunMode::kPods;
}

PolicyDecision DecidePolicy(const PolicyObserved& observed, WallTime now) {
  PolicyDecision decision;
  decision.status = observed.object.value("status", json::object());
  const std::int64_t generation = Generation(observed.object);
  if (FindCondition(decision.status, kReady) == nullptr && !AnswersAtOnce(observed)) {
    // First sight: whoever waits on this object must not take silence for success.
    SetCondition(decision.status, {kReady, "Unknown", "Pending", "not looked at yet", generation},
                 now);
    SetCondition(decision.status,
                 {kReconciling, "True", "NewGeneration", "being looked at", generation}, now);
    decision.urgent = true;
    decision.again.NoLaterThan(Millis(0));
    return decision;
  }
  WriteReady(decision.status, observed, decision, now);
  if (const auto run = ReadActiveRun(decision.status)) {
    FollowRun(observed, *run, decision, now);
  } else {
    ConsiderStart(observed, decision, now);
    FollowRollouts(observed, decision, now);
  }
  if (!decision.urgent) {
    const json before = observed.object.value("status", json::object());
    decision.urgent =
        decision.status.value("conditions", json()) != before.value("conditions", json());
  }
  return decision;
}

}  // namespace stoker::reconcile
