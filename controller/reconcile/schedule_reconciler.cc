#include "controller/reconcile/schedule_reconciler.h"

#include <fmt/format.h>

#include "controller/api/manifest.h"
#include "controller/reconcile/conditions.h"
#include "controller/reconcile/json_view.h"
#include "controller/reconcile/merge_patch.h"
#include "controller/reconcile/names.h"
#include "controller/reconcile/policy_status.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;

Result<std::optional<json>> Live(kube::Client& client, const kube::Resource& resource,
                                 const std::string& ns, const std::string& name) {
  auto live = client.Get(resource, ns, name);
  if (live) return std::optional(std::move(*live));
  if (live.error().code == Code::kNotFound) return std::optional<json>();
  return live.error();
}

}  // namespace

ReconcileResult ScheduleReconciler::Reconcile(const std::string& key) {
  const auto [ns, name] = SplitKey(key);
  const kube::Object cached = context_.views.schedules.Get(ns, name);
  if (!cached || IsBeingDeleted(*cached)) return Again{};
  const json& object = *cached;
  const json before = object.value("status", json::object());
  STOKER_TRY(const ScheduleObserved observed, Observe(object));
  ScheduleDecision decision = DecideSchedule(observed, context_.clock.Wall());
  std::optional<Error> not_started;
  if (decision.start) {
    const std::string& policy = observed.schedule->spec.policy_name;
    auto run = Start(object, policy, *decision.start);
    if (run) {
      decision.status = StatusAfterStart(decision.status, *decision.start, policy, *run);
      decision.again = Again::Exactly(Millis(0));  // the next slot
    } else {
      not_started = run.error();
    }
  }
  STOKER_CHECK(WriteStatus(context_.client, kube::kPrewarmSchedules, object, decision.status));
  for (const EventToSend& event : decision.events) Send(context_, Regarding(object), event);
  if (before.value("lastRun", json()) != decision.status.value("lastRun", json()) &&
      observed.policy) {
    context_.enqueue_policy(Key(ns, Name(*observed.policy)));  // its Job may get its TTL now
  }
  if (not_started) return *not_started;
  return decision.again;
}

Result<ScheduleObserved> ScheduleReconciler::Observe(const json& object) {
  ScheduleObserved observed;
  observed.object = object;
  observed.schedule = api::ToPrewarmSchedule(object);
  const std::string ns = Namespace(object);
  const std::string referred = Text(object, {"spec", "policyRef", "name"});
  const json* active = Find(object, {"status", "active"});
  for (const json& entry : active != nullptr ? *active : json::array()) {
    STOKER_TRY(FollowedRun run, Follow(ns, entry, Text(entry, {"policy"}, referred)));
    observed.runs.push_back(std::move(run));
  }
  if (!observed.schedule) return observed;
  const auto policy = context_.views.policies.Get(ns, observed.schedule->spec.policy_name);
  if (!policy || IsBeingDeleted(*policy)) return observed;
  observed.policy = *policy;
  observed.policy_suspended = Flag(*policy, {"spec", "suspend"});
  return observed;
}

// Each cache lags by itself: a run that none of them knows may have just begun, so the server is
// asked before it is called cancelled.
Result<FollowedRun> ScheduleReconciler::Follow(const std::string& ns, const json& entry,
                                               const std::string& policy) {
  FollowedRun run;
  run.name = Text(entry, {"name"});
  const auto ours = [&](const json& job) { return Uid(job) == Text(entry, {"uid"}, Uid(job)); };
  const kube::Object cached_policy = context_.views.policies.Get(ns, policy);
  if (cached_policy) run.policy = *cached_policy;
  const kube::Object cached_job = context_.views.jobs.Get(ns, run.name);
  if (cached_job && ours(*cached_job)) run.job = ReadJob(*cached_job);
  const json status = cached_policy ? cached_policy->value("status", json::object()) : json();
  if (run.job || Text(status, {"activeRun", "name"}) == run.name ||
      Text(status, {"lastRun", "name"}) == run.name) {
    return run;
  }
  STOKER_TRY(run.policy, Live(context_.client, kube::kWarmingPolicies, ns, policy));
  STOKER_TRY(const std::optional<json> job, Live(context_.client, kube::kJobs, ns, run.name));
  if (job && ours(*job)) run.job = ReadJob(*job);
  return run;
}

// The cache may be stale: the policy is read live, under its lock, and its status decides.
Result<json> ScheduleReconciler::Start(const json& object, const std::string& policy_name,
                                       WallTime slot) {
  const std::string ns = Namespace(object);
  const std::lock_guard lock(context_.locks.Of(Key(ns, policy_name)));
  STOKER_TRY(const json live, context_.client.Get(kube::kWarmingPolicies, ns, policy_name));
  const json status = live.value("status", json::object());
  const std::string name = ScheduledRunName(Name(object), slot);
  const auto active = ReadActiveRun(status);
  if (active && active->name == name) return status["activeRun"];
  if (Text(status, {"lastRun", "name"}) == name) return status["lastRun"];
  if (active) {
    return Unavailable(fmt::format("run {} of policy {} is under way", active->name, policy_name));
  }
  STOKER_TRY(const auto policy, api::ToWarmingPolicy(live));
  if (const Status may = MayStart(live, policy); !may) {
    context_.enqueue_policy(Key(ns, policy_name));
    return may.error();
  }
  STOKER_TRY(ResolveOutcome outcome,
             ResolveReferences(References(policy.spec), ns, SecretReader(context_.client, ns),
                               ConfigMapReader(context_.client, ns)));
  if (!outcome.problems.empty()) return TellProblems(live, policy, std::move(outcome.problems));
  Trigger trigger;
  trigger.kind = kTriggerSchedule;
  trigger.name = name;
  trigger.request = RequestOf(live);
  trigger.schedule = Name(object);
  trigger.slot = FormatTime(slot);
  STOKER_TRY(const json begun, starter_.Begin(live, status, policy, outcome.resolved, trigger));
  context_.enqueue_policy(Key(ns, policy_name));
  const json* run = Find(begun, {"status", "activeRun"});
  return run != nullptr ? *run : begun["status"].value("lastRun", json::object());
}

// A policy that is ready does not look at what it refers to until it starts a run itself. From here
// on it looks, and once everything is there the slot starts.
Error ScheduleReconciler::TellProblems(const json& live, const api::WarmingPolicy& policy,
                                       std::vector<Problem> problems) {
  const std::string why = problems.front().message;
  PolicyObserved seen;
  seen.object = live;
  seen.policy = policy;
  seen.in_process_allowed = true;  // MayStart has asked
  seen.recheck = context_.recheck;
  seen.references = std::move(problems);
  const PolicyDecision said = DecidePolicy(seen, context_.clock.Wall());
  STOKER_CHECK(WriteStatus(context_.client, kube::kWarmingPolicies, live, said.status));
  for (const EventToSend& event : said.events) Send(context_, Regarding(live), event);
  context_.enqueue_policy(Key(Namespace(live), Name(live)));
  return Error{Code::kConflict, fmt::format("policy {} is not ready: {}", Name(live), why)};
}

// What DecideSchedule saw may be old: an edit that nobody has judged yet, a policy that was
// suspended, a label that an administrator took away. kConflict: once the caches have caught up,
// they say why.
Status ScheduleReconciler::MayStart(const json& live, const api::WarmingPolicy& policy) const {
  const auto refuse = [&](const std::string& why) {
    return Error{Code::kConflict, fmt::format("policy {} {}", Name(live), why)};
  };
  const json status = live.value("status", json::object());
  const json* ready = FindCondition(status, kReady);
  if (policy.spec.suspend) return refuse("is suspended");
  if (ready == nullptr || Text(*ready, {"status"}) != "True") return refuse("is not ready");
  if (Number(*ready, {"observedGeneration"}) != Number(live, {"metadata", "generation"})) {
    return refuse("was changed and not looked at yet");
  }
  const std::string ns = Namespace(live);
  const bool allowed = context_.views.namespaces.InProcessAllowed(ns).value_or(false);
  const auto problem = PlacementProblem(policy.spec.execution, allowed, ns);
  if (problem) return refuse("may not run: " + problem->message);
  return {};
}

}  // namespace stoker::reconcile
