#include "controller/reconcile/run_reconciler.h"

#include <fmt/format.h>

#include "controller/api/manifest.h"
#include "controller/base/hash.h"
#include "controller/base/log.h"
#include "controller/reconcile/json_view.h"
#include "controller/reconcile/names.h"
#include "controller/reconcile/policy_status.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;

constexpr Millis kAwaitStatus{1000};
// One that waits is told when its turn comes; it asks to say that it is still there.
constexpr Millis kAskAgain{5000};
static_assert(kAskAgain < WaitingLine::kForgottenAfter);

warming::Report Failure(const std::string& reason, const std::string& message) {
  warming::Report report;
  report.result = warming::Report::Result::kFailed;
  report.reason = reason;
  report.message = message;
  return report;
}

std::string OwnerName(const json& job) {
  const json* owners = Find(job, {"metadata", "ownerReferences"});
  if (owners == nullptr || !owners->is_array()) return {};
  for (const json& owner : *owners) {
    if (Flag(owner, {"controller"}) && Text(owner, {"kind"}) == kube::kWarmingPolicies.kind &&
        Text(owner, {"apiVersion"}) == api::kApiVersion) {
      return Text(owner, {"name"});
    }
  }
  return {};
}

// The content must be what its name says: a copy made by somebody else is not what the plan pinned.
Result<std::map<std::string, Contents>> PinnedContents(kube::Client& client, const json& policy,
                                                       const warming::PlanDocument& plan) {
  std::map<std::string, Contents> contents;
  for (const auto& [name, copy] : plan.pinned) {
    STOKER_TRY(const json object, client.Get(kube::kConfigMaps, Namespace(policy), copy));
    if (Name(BuildPinnedConfigMap(policy, object)) != copy) {
      return Invalid(fmt::format("ConfigMap {} does not hold what was pinned from {}", copy, name));
    }
    contents[name] = DecodeContents(object, false);
  }
  return contents;
}

}  // namespace

ReconcileResult RunReconciler::Reconcile(const std::string& key) {
  const auto [ns, name] = SplitKey(key);
  const kube::Object cached = context_.views.jobs.Get(ns, name);
  // One made anew under the same name is another run.
  const std::string gone = NoteUid(key, cached ? Uid(*cached) : "");
  if (!gone.empty()) context_.executor.Cancel(gone, "its Job was deleted");
  context_.executor.ForgetOrphans(LivesIn(context_.views));
  if (!cached) return Again{};
  const json& job = *cached;
  if (!ReadJob(job).in_process) return Again{};
  STOKER_TRY(const json policy, OwnerOf(job));
  RunObserved observed;
  observed.job = &job;
  observed.policy = policy.is_null() ? nullptr : &policy;
  observed.host = context_.executor.StateOf(Uid(job));
  observed.paused = context_.executor.IsPaused(Uid(job));
  return Act(DecideRun(observed), job, policy);
}

// Returns the UID that was known by this key and is no more; empty: none.
std::string RunReconciler::NoteUid(const std::string& key, const std::string& uid) {
  const std::lock_guard lock(mutex_);
  const auto it = uids_.find(key);
  if (it == uids_.end()) {
    if (!uid.empty()) uids_.emplace(key, uid);
    return {};
  }
  if (it->second == uid) return {};
  const std::string gone = std::exchange(it->second, uid);
  told_.erase(gone);
  if (uid.empty()) uids_.erase(it);
  return gone;
}

// The live policy that the Job says it is of; null: none. The cache answers when what it says is
// enough to trust the Job; else the server is asked, for the cache may lag behind our own writes.
Result<json> RunReconciler::OwnerOf(const json& job) {
  const std::string name = OwnerName(job);
  if (name.empty()) return json();
  const kube::Object cached = context_.views.policies.Get(Namespace(job), name);
  if (cached && JudgeJob(job, cached.get()) == Trust::kTrusted) return *cached;
  auto live = context_.client.Get(kube::kWarmingPolicies, Namespace(job), name);
  if (live) return live;
  if (live.error().code == Code::kNotFound) return json();
  return live.error();
}

ReconcileResult RunReconciler::Act(RunStep step, const json& job, const json& policy) {
  const std::string uid = Uid(job);
  switch (step) {
    case RunStep::kNothing:
      break;
    case RunStep::kCancel:
      context_.executor.Cancel(uid, "its Job is being deleted");
      break;
    case RunStep::kTellForged:
      TellForged(job);
      break;
    case RunStep::kAwaitStatus:
      return Again::Exactly(kAwaitStatus);
    case RunStep::kSuspend:
      return Suspend(job);
    case RunStep::kBegin:
      if (context_.executor.AskForPlace(Key(Namespace(job), Name(job)), uid)) {
        return Begin(job, policy);
      }
      return Again::Exactly(kAskAgain);
    case RunStep::kResume: {
      STOKER_CHECK(PatchStatus(job, RunningStatus(job, context_.clock.Wall())));
      context_.executor.Pause(uid, false);
      break;
    }
    case RunStep::kFinish: {
      const auto report = context_.executor.ReportOf(uid);
      if (report) return Finish(job, *report);
      break;
    }
  }
  return Again{};
}

Result<Assignment> RunReconciler::Prepare(const json& job, const json& policy) {
  const auto run = ReadActiveRun(policy.value("status", json::object()));
  if (!run) return Error{Code::kConflict, "the policy has no active run"};
  const std::string ns = Namespace(job);
  STOKER_TRY(
      const json config_map,
      context_.client.Get(kube::kConfigMaps, ns, PlanConfigMapName(Name(policy), run->plan_hash)));
  const std::string text = Text(config_map, {"data", "plan.json"});
  if (warming::PlanHash(text) != run->plan_hash) {
    return Invalid(
        fmt::format("ConfigMap {} does not hold the plan that status names", Name(config_map)));
  }
  STOKER_TRY(const warming::PlanDocument plan, warming::ParsePlan(text));
  Assignment assignment;
  assignment.job_key = Key(ns, Name(job));
  assignment.job_uid = Uid(job);
  assignment.policy_key = Key(ns, Name(policy));
  assignment.policy_uid = Uid(policy);
  assignment.spec.id = run->name;
  assignment.spec.plan_hash = run->plan_hash;
  STOKER_TRY(assignment.spec.policy, api::ToWarmingPolicySpec(plan.spec));
  STOKER_TRY(assignment.materials.config_maps, PinnedContents(context_.client, policy, plan));
  return assignment;
}

// What keeps the run from having its Secrets; nullopt: it has them.
Result<std::optional<Problem>> RunReconciler::ReadSecrets(const std::string& ns,
                                                          Assignment& assignment) {
  std::vector<Reference> references = References(assignment.spec.policy);
  std::erase_if(references, [](const Reference& reference) { return !reference.secret; });
  STOKER_TRY(ResolveOutcome outcome,
             ResolveReferences(references, ns, SecretReader(context_.client, ns),
                               ConfigMapReader(context_.client, ns)));
  if (!outcome.problems.empty()) return std::optional(outcome.problems.front());
  assignment.materials.secrets = std::move(outcome.resolved.secrets);
  return std::optional<Problem>();
}

// Rights come and go without anybody telling us: the run waits for them, and says so.
Error RunReconciler::LacksRight(const json& job, const json& policy, const char* reason,
                                const std::string& message) {
  Send(context_, Regarding(policy),
       {kube::EventType::kWarning, reason, fmt::format("run {} waits: {}", Name(job), message)});
  return {Code::kPermission, message};
}

// The label is asked whenever a run is taken up, also by the next leader: an administrator who takes
// it away is obeyed by what begins, whoever wrote the Job.
ReconcileResult RunReconciler::Begin(const json& job, const json& policy) {
  const std::string ns = Namespace(job);
  const auto allowed = context_.views.namespaces.InProcessAllowed(ns);
  if (!allowed) return Error{Code::kConflict, fmt::format("namespace {} is not known yet", ns)};
  if (!*allowed) {
    return Finish(
        job, Failure(kInProcessNotAllowed,
                     fmt::format("namespace {} lacks the label {}={}, without which no run may use "
                                 "the controller; a cluster administrator sets it, or set "
                                 "spec.execution.mode to Pods",
                                 ns, kInProcessLabel, kInProcessAllowed)));
  }
  auto assignment = Prepare(job, policy);
  if (!assignment) {
    const Error& error = assignment.error();
    if (error.code == Code::kInvalid) return Finish(job, Failure("PlanChanged", error.message));
    if (error.code == Code::kNotFound) return Finish(job, Failure("ReferenceLost", error.message));
    if (error.code != Code::kPermission) return error;
    return LacksRight(job, policy, kConfigMapForbidden, error.message);
  }
  STOKER_TRY(const std::optional<Problem> problem, ReadSecrets(ns, *assignment));
  if (problem && problem->reason == kSecretForbidden) {
    return LacksRight(job, policy, kSecretForbidden, problem->message);
  }
  if (problem) return Finish(job, Failure("ReferenceLost", problem->message));
  assignment->ledger = std::make_unique<RunLedger>(context_.client, job, context_.transitions);
  STOKER_TRY(RunLedger::Taken taken, assignment->ledger->Take());
  STOKER_TRY(json marked, MarkTaken(job, taken.attempt));
  if (const auto over = OverAlready(taken.in_vain, taken.report)) return Finish(marked, *over);
  const bool resumed = Time(job, {"status", "startTime"}).has_value();
  STOKER_TRY(marked, PatchStatus(marked, RunningStatus(marked, context_.clock.Wall())));
  assignment->resume = std::move(taken.checkpoint);
  const Status executed = context_.executor.Execute(std::move(*assignment));
  if (!executed && executed.error().code == Code::kExhausted) return Again::Exactly(kAskAgain);
  if (!executed && executed.error().code == Code::kCancelled) return executed.error();
  if (!executed) return Finish(marked, Failure("CannotRun", executed.error().message));
  LogInfo(resumed ? "run resumed" : "run executes",
          {{"run", Key(Namespace(job), Name(job))}, {"attempt", std::to_string(taken.attempt)}});
  if (resumed) {
    const auto progress = context_.executor.ProgressOf(Uid(job));
    const auto how = progress ? progress->resumed : warming::Resumed::kNot;
    Send(context_, Regarding(policy),
         {kube::EventType::kNormal, "RunResumed",
          fmt::format("run {} {} (attempt {})", Name(job), DescribeResumed(how), taken.attempt)});
  }
  return Again{};
}

// Moves the Job's resourceVersion on, so that whoever held it before can write it no more.
Result<json> RunReconciler::MarkTaken(const json& job, std::int64_t attempt) {
  return context_.client.Patch(
      kube::kJobs, Namespace(job), Name(job), kube::PatchType::kMerge,
      {{"metadata",
        {{"resourceVersion", ResourceVersion(job)},
         {"annotations",
          {{kAttemptAnnotation, std::to_string(attempt)},
           {kTransitionsAnnotation, std::to_string(context_.transitions)}}}}}});
}

ReconcileResult RunReconciler::Finish(const json& job, const warming::Report& report) {
  STOKER_CHECK(PatchStatus(job, FinishedStatus(job, report, context_.clock.Wall())));
  LogInfo("run ended", {{"run", Key(Namespace(job), Name(job))}, {"reason", report.reason}});
  context_.enqueue_policy(Key(Namespace(job), Label(job, kPolicyLabel)));
  return Again{};
}

ReconcileResult RunReconciler::Suspend(const json& job) {
  if (ReadJob(job).stopped.empty()) {
    context_.executor.Pause(Uid(job), true);
  } else {  // for as long as a person likes: not in a place that others need
    context_.executor.HandOver(Uid(job), "it stopped for its origin, until a person resumes it");
  }
  STOKER_CHECK(PatchStatus(job, SuspendedStatus(job, context_.clock.Wall())));
  return Again{};
}

// Refused when the Job changed since it was read: the next look decides anew.
Result<json> RunReconciler::PatchStatus(const json& job, const json& status) {
  return context_.client.Patch(
      kube::kJobs, Namespace(job), Name(job), kube::PatchType::kMerge,
      {{"metadata", {{"resourceVersion", ResourceVersion(job)}}}, {"status", status}}, "status");
}

void RunReconciler::TellForged(const json& job) {
  {
    const std::lock_guard lock(mutex_);
    if (!told_.insert(Uid(job)).second) return;
  }
  LogWarn("Job not executed: not of a live policy's run",
          {{"job", Key(Namespace(job), Name(job))}});
  Send(context_, Regarding(job),
       {kube::EventType::kWarning, "ForgedRun",
        "this Job asks Stoker to execute it, but it is not the active run of a live WarmingPolicy; "
        "it "
        "is not executed. To run a policy, set its annotation stoker.dev/requestedAt"});
}

}  // namespace stoker::reconcile
