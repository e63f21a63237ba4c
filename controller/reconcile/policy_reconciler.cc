#include "controller/reconcile/policy_reconciler.h"

#include <algorithm>

#include "controller/api/manifest.h"
#include "controller/base/json.h"
#include "controller/reconcile/json_view.h"
#include "controller/reconcile/merge_patch.h"
#include "controller/reconcile/names.h"
#include "controller/reconcile/pace_conditions.h"
#include "controller/reconcile/policy_status.h"
#include "controller/reconcile/shards.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;

constexpr Millis kStatusEvery{1000};
constexpr int kLooksAtRollouts = 3;  // in the time of one recheck
// A Job's end and its pods' last words come by different watches.
constexpr Millis kAccountWithin{5000};

// The report that an in-process run left in its ledger, by whichever leader.
Result<std::optional<warming::Report>> KeptReport(kube::Client& client, const std::string& ns,
                                                  const JobState& job) {
  const auto ledger = client.Get(kube::kConfigMaps, ns, CheckpointName(job.name));
  if (!ledger) {
    if (ledger.error().code == Code::kNotFound) return std::optional<warming::Report>();
    return ledger.error();
  }
  if (ControllerUid(*ledger) != job.uid) return std::optional<warming::Report>();
  const auto parsed = ParseJson(Text(*ledger, {"data", "report"}));
  if (!parsed) return std::optional<warming::Report>();
  auto report = warming::ReportFromJson(*parsed);
  return report ? std::optional(std::move(*report)) : std::nullopt;
}

int PodsNotEnded(const std::vector<kube::Object>& pods) {
  return static_cast<int>(std::ranges::count_if(pods, [](const kube::Object& pod) {
    const std::string phase = Text(*pod, {"status", "phase"});
    return phase != "Succeeded" && phase != "Failed";
  }));
}

}  // namespace

PolicyReconciler::Memory PolicyReconciler::Recall(const std::string& key) {
  const std::lock_guard lock(mutex_);
  return memory_[key];
}

void PolicyReconciler::Remember(const std::string& key, const Memory& memory) {
  const std::lock_guard lock(mutex_);
  memory_[key] = memory;
}

void PolicyReconciler::LetGo(const std::string& run_uid) {
  if (run_uid.empty()) return;
  context_.executor.Forget(run_uid);
  context_.pod_progress.Follow(run_uid, {});
}

ReconcileResult PolicyReconciler::Reconcile(const std::string& key) {
  const auto [ns, name] = SplitKey(key);
  const std::lock_guard policy_lock(context_.locks.Of(key));
  const kube::Object cached = context_.views.policies.Get(ns, name);
  Memory memory = Recall(key);
  if (!cached || IsBeingDeleted(*cached)) {
    LetGo(memory.run_uid);
    context_.executor.ForgetOrphans(LivesIn(context_.views));
    housekeeping_.Forget(key);
    const std::lock_guard lock(mutex_);
    memory_.erase(key);
    return Again{};
  }
  const json& object = *cached;
  const std::string active = Text(object, {"status", "activeRun", "uid"});
  if (memory.run_uid != active) LetGo(memory.run_uid);
  memory.run_uid = active;
  STOKER_TRY(Look look, Observe(object, memory));
  if (look.observed.rollouts) memory.rollouts = context_.clock.Steady();
  look.observed.last_waiting = memory.waiting;
  PolicyDecision decision = DecidePolicy(look.observed, context_.clock.Wall());
  const json before = object.value("status", json::object());
  if (decision.status != before && !decision.urgent && !decision.start) {
    const auto since = context_.clock.Steady() - memory.written;
    if (memory.written != SteadyTime() && since < kStatusEvery) {
      return Again::Exactly(std::chrono::ceil<Millis>(kStatusEvery - since));
    }
  }
  if (decision.status != before) memory.written = context_.clock.Steady();
  const auto& progress = look.observed.progress;
  memory.waiting = progress && progress->waiting ? progress->waiting->message : "";
  if (const auto wait = UntilRollouts(look.observed, memory)) decision.again.NoLaterThan(*wait);
  ReconcileResult result = Act(object, look, std::move(decision));
  if (result) Remember(key, memory);
  return result;
}

std::optional<Millis> PolicyReconciler::UntilRollouts(const PolicyObserved& observed,
                                                      const Memory& memory) const {
  const bool idle = Find(observed.object, {"status", "activeRun"}) == nullptr;
  if (!observed.policy || observed.policy->spec.rollouts.empty() || observed.policy->spec.suspend ||
      !idle) {
    return std::nullopt;
  }
  if (!memory.rollouts) return Millis(0);
  const auto next = *memory.rollouts + context_.recheck / kLooksAtRollouts;
  const auto wait = std::chrono::ceil<Millis>(next - context_.clock.Steady());
  return std::max(wait, Millis(0));
}

Result<PolicyReconciler::Look> PolicyReconciler::Observe(const json& object, const Memory& memory) {
  Look look;
  PolicyObserved& observed = look.observed;
  observed.object = object;
  observed.policy = api::ToWarmingPolicy(object);
  observed.recheck = context_.recheck;
  const std::string ns = Namespace(object);
  const auto allowed = context_.views.namespaces.InProcessAllowed(ns);
  if (!allowed) return Error{Code::kConflict, "namespace " + ns + " is not in the cache yet"};
  observed.in_process_allowed = *allowed;
  const bool seen = Find(object, {"status", "conditions"}) != nullptr;
  const auto references =
      observed.policy ? References(observed.policy->spec) : std::vector<Reference>();
  if (UntilRollouts(observed, memory) == Millis(0)) {
    STOKER_TRY(observed.rollouts,
               LookAtRollouts(context_.client, ns, observed.policy->spec.rollouts));
  }
  const bool reads = seen && observed.policy &&
                     NeedsReferences(object, *observed.policy,
                                     observed.rollouts.value_or(std::vector<Workload>()));
  if (reads || (!seen && references.empty())) {
    STOKER_TRY(ResolveOutcome outcome,
               ResolveReferences(references, ns, SecretReader(context_.client, ns),
                                 ConfigMapReader(context_.client, ns)));
    observed.references = std::move(outcome.problems);
    look.resolved = std::move(outcome.resolved);
  }
  STOKER_CHECK(ObserveRun(object, observed));
  return look;
}

Status PolicyReconciler::ObserveRun(const json& object, PolicyObserved& observed) {
  const auto run = ReadActiveRun(object.value("status", json::object()));
  if (!run || run->uid.empty()) return {};
  const std::string ns = Namespace(object);
  const kube::Object cached = context_.views.jobs.Get(ns, run->name);
  json job = cached ? *cached : json();
  if (Uid(job) != run->uid) {  // deleted, or not seen yet: only the server knows
    auto live = context_.client.Get(kube::kJobs, ns, run->name);
    if (!live && live.error().code != Code::kNotFound) return live.error();
    job = live ? std::move(*live) : json();
  }
  const bool there = Uid(job) == run->uid;
  if (there) observed.job = ReadJob(job);
  if (run->mode == RunMode::kInProcess) return ObserveInProcess(*run, ns, observed);
  if (there) ObservePods(*run, job, observed);
  if (!there || observed.job->being_deleted) {
    observed.workers_left = PodsNotEnded(context_.views.pods.Find(ns, run->uid));
  }
  return {};
}

Status PolicyReconciler::ObserveInProcess(const ActiveRun& run, const std::string& ns,
                                          PolicyObserved& observed) {
  observed.progress = context_.executor.ProgressOf(run.uid);
  observed.report = context_.executor.ReportOf(run.uid);
  if (const auto why = context_.executor.WaitsForPlace(run.uid); why && !observed.progress) {
    observed.progress = ReadProgress(observed.object.value("status", json::object()));
    observed.progress->waiting = warming::Waiting{"AwaitsPlace", *why};
  }
  observed.host_running = context_.executor.StateOf(run.uid) == HostState::kRunning;
  if (!observed.report && observed.job && observed.job->Finished()) {
    STOKER_TRY(observed.report, KeptReport(context_.client, ns, *observed.job));
  }
  return {};
}

void PolicyReconciler::ObservePods(const ActiveRun& run, const json& job,
                                   PolicyObserved& observed) {
  std::vector<WorkerPod> pods;
  for (const kube::Object& pod : context_.views.pods.Find(Namespace(job), run.uid)) {
    if (auto worker = ReadWorkerPod(*pod, run.uid)) pods.push_back(std::move(*worker));
  }
  const bool over = observed.job->Finished();
  const int shards = static_cast<int>(Number(job, {"spec", "completions"}, 1));
  const auto latest = context_.pod_progress.Latest(run.uid);
  context_.pod_progress.Follow(run.uid, over ? std::vector<WorkerPod>() : pods);
  ShardsView view = CombineShards(pods, latest, shards, over);
  const auto end = observed.job->end;
  observed.account_pending =
      over && view.reported < shards && end && context_.clock.Wall() - *end < kAccountWithin;
  observed.progress = std::move(view.progress);
  if (over) observed.report = std::move(view.report);
}

ReconcileResult PolicyReconciler::Act(const json& object, const Look& look,
                                      PolicyDecision decision) {
  const auto active = ReadActiveRun(object.value("status", json::object()));
  json current = object;
  if (decision.hold && active) {
    STOKER_CHECK(context_.client.Patch(kube::kJobs, Namespace(object), active->name,
                                       kube::PatchType::kMerge,
                                       HoldPatch(*look.observed.job, *decision.hold)));
  }
  if (decision.start) {
    STOKER_TRY(current, starter_.Begin(object, decision.status, *look.observed.policy,
                                       look.resolved, *decision.start));
    decision.again = Again::Exactly(kStatusEvery);
  } else {
    STOKER_TRY(current,
               WriteStatus(context_.client, kube::kWarmingPolicies, object, decision.status));
  }
  for (const EventToSend& event : decision.events) Send(context_, Regarding(object), event);
  if (decision.ensure_job) {
    // The intent may have been carried out since the cache was told, and its Job may have ended.
    auto live = context_.client.Get(kube::kWarmingPolicies, Namespace(object), Name(object));
    if (!live) return live.error();
    if (Uid(*live) != Uid(object)) return Error{Code::kConflict, "the policy was made anew"};
    STOKER_TRY(current, starter_.EnsureJob(*live));
  }
  if (decision.cancel_run && active) context_.executor.Cancel(active->uid, "its Job was deleted");
  if (decision.run_ended && active) LetGo(active->uid);
  if (look.observed.policy && Find(current, {"status", "activeRun"}) == nullptr) {
    STOKER_TRY(const Again tidy, housekeeping_.Tidy(current, look.observed.policy->spec.execution));
    if (tidy.exactly) decision.again.NoLaterThan(*tidy.exactly);
  }
  return decision.again;
}

}  // namespace stoker::reconcile
