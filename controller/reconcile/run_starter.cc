#include "controller/reconcile/run_starter.h"

#include <fmt/format.h>

#include "controller/api/manifest.h"
#include "controller/base/log.h"
#include "controller/reconcile/json_view.h"
#include "controller/reconcile/merge_patch.h"
#include "controller/reconcile/names.h"
#include "controller/reconcile/policy_status.h"
#include "controller/reconcile/resolved_materials.h"
#include "controller/warming/run/estimate.h"
#include "controller/warming/run/plan_document.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;

constexpr std::size_t kMostOfAConfigMap = 1 << 20;

// How many entries a run has to read; none: unknown, or too many to be worth counting.
std::optional<std::int64_t> Entries(const api::WarmingPolicy& policy, const Resolved& resolved) {
  warming::RunSpec spec;
  spec.id = policy.meta.name;
  spec.policy = policy.spec;
  const auto estimate =
      warming::EstimatePlan(spec, ResolvedMaterials(resolved), 1024, kInProcessMaxEntries);
  return estimate ? estimate->read : std::nullopt;
}

kube::DeleteOptions ThisOne(const json& object) {
  kube::DeleteOptions options;
  options.uid = Uid(object);
  return options;
}

// Errors that no retry mends: the Job as such is refused.
bool IsFinal(const Error& error) {
  return error.code == Code::kInvalid || error.code == Code::kNotFound;
}

}  // namespace

struct RunStarter::Plan {
  std::string text;
  std::string hash;
};

Status RunStarter::CreateImmutable(const json& config_map) {
  const std::string ns = Namespace(config_map);
  auto made = context_.client.Create(kube::kConfigMaps, ns, config_map);
  if (made) return {};
  if (made.error().code != Code::kAlreadyExists) return made.error();
  STOKER_TRY(const json found, context_.client.Get(kube::kConfigMaps, ns, Name(config_map)));
  const bool same = found.value("data", json()) == config_map.value("data", json()) &&
                    found.value("binaryData", json()) == config_map.value("binaryData", json());
  if (same && ControllerUid(found) == ControllerUid(config_map)) return {};
  // It has the name of our content, and is not ours: in the way, and never to be trusted.
  STOKER_CHECK(context_.client.Delete(kube::kConfigMaps, ns, Name(config_map), ThisOne(found)));
  return Unavailable(
      fmt::format("ConfigMap {} was in the way and is being replaced", Name(config_map)));
}

Result<RunStarter::Plan> RunStarter::Freeze(const json& object, const api::WarmingPolicy& policy) {
  warming::PlanDocument document;
  document.policy_namespace = Namespace(object);
  document.policy_name = Name(object);
  document.policy_uid = Uid(object);
  document.spec = policy.spec_json;
  for (const std::string& name : ConfigMapNames(policy.spec)) {
    STOKER_TRY(const json source, context_.client.Get(kube::kConfigMaps, Namespace(object), name));
    const json copy = BuildPinnedConfigMap(object, source);
    STOKER_CHECK(CreateImmutable(copy));
    document.pinned[name] = Name(copy);
  }
  Plan plan;
  plan.text = warming::SerializePlan(document);
  // The server would say so only after it has tried to store it, and not always in these words.
  if (plan.text.size() > kMostOfAConfigMap) {
    return Invalid(fmt::format(
        "the plan takes {} bytes and a ConfigMap holds {}; move the keys of static sources to a "
        "file that an http source reads, or spread them over several policies",
        plan.text.size(), kMostOfAConfigMap));
  }
  plan.hash = warming::PlanHash(plan.text);
  STOKER_CHECK(CreateImmutable(BuildPlanConfigMap(object, plan.text, plan.hash)));
  return plan;
}

Result<json> RunStarter::Begin(const json& object, json status, const api::WarmingPolicy& policy,
                               const Resolved& resolved, const Trigger& trigger) {
  ActiveRun run;
  run.name = trigger.name;
  run.change_hash = api::ChangeHash(policy.spec_json);
  run.trigger = trigger.kind;
  run.request = trigger.request;
  run.schedule = trigger.schedule;
  run.slot = trigger.slot;
  run.start_time = FormatTime(context_.clock.Wall());
  const bool allowed =
      context_.views.namespaces.InProcessAllowed(Namespace(object)).value_or(false);
  const bool asks = allowed && policy.spec.execution.mode == api::Execution::Mode::kAuto;
  run.mode = ChooseMode(policy.spec, allowed, asks ? Entries(policy, resolved) : std::nullopt);
  const Result<Plan> plan = Freeze(object, policy);
  if (!plan) return CannotFreeze(object, std::move(status), run, plan.error());
  run.plan_hash = plan->hash;
  status["activeRun"] = ToJson(run);
  WriteWarmRunning(status, run, nullptr, Number(object, {"metadata", "generation"}),
                   context_.clock.Wall());
  STOKER_TRY(const json intended,
             WriteStatus(context_.client, kube::kWarmingPolicies, object, status));
  LogInfo("run begins", {{"policy", Key(Namespace(object), Name(object))},
                         {"run", run.name},
                         {"trigger", run.trigger},
                         {"mode", std::string(ToString(run.mode))}});
  return EnsureJob(intended);
}

Result<json> RunStarter::EnsureJob(const json& object) {
  const auto run = ReadActiveRun(object.value("status", json::object()));
  if (!run || !run->uid.empty()) return object;
  auto job = MakeJob(object, *run);
  if (!job && job.error().code == Code::kPermission) {  // a quota, a policy engine: may pass
    Send(context_, Regarding(object),
         {kube::EventType::kWarning, "JobNotCreated",
          fmt::format("run {} waits: the API server refuses its Job: {}", run->name,
                      job.error().message)});
  }
  if (!job) {
    if (!IsFinal(job.error())) return job.error();
    return Refused(object, object["status"], *run, "JobRefused", job.error());
  }
  ActiveRun made = *run;
  made.uid = Uid(*job);
  json status = object["status"];
  status["activeRun"] = ToJson(made);
  STOKER_TRY(json written, WriteStatus(context_.client, kube::kWarmingPolicies, object, status));
  Send(context_, Regarding(object),
       {kube::EventType::kNormal, "RunStarted",
        fmt::format("run {} started ({}, trigger {})", run->name, ToString(run->mode),
                    run->trigger)});
  return written;
}

Result<json> RunStarter::MakeJob(const json& object, const ActiveRun& run) {
  const std::string ns = Namespace(object);
  STOKER_TRY(
      const json config_map,
      context_.client.Get(kube::kConfigMaps, ns, PlanConfigMapName(Name(object), run.plan_hash)));
  const std::string text = Text(config_map, {"data", "plan.json"});
  if (warming::PlanHash(text) != run.plan_hash) {
    return Invalid("the plan's ConfigMap does not hold the plan that status names");
  }
  STOKER_TRY(const warming::PlanDocument plan, warming::ParsePlan(text));
  STOKER_TRY(auto spec, api::ToWarmingPolicySpec(plan.spec));
  auto job = context_.client.Create(
      kube::kJobs, ns, BuildJob({object, run, std::move(spec), plan.pinned, context_.worker}));
  if (!job && job.error().code == Code::kAlreadyExists) job = Adopt(object, run);
  if (!job) return job;
  if (run.mode == RunMode::kInProcess && Text(*job, {"spec", "managedBy"}) != kInProcessManager) {
    STOKER_CHECK(context_.client.Delete(kube::kJobs, ns, run.name, ThisOne(*job)));
    return Invalid(
        "this cluster drops spec.managedBy of Jobs (Kubernetes before 1.32), so it would "
        "start pods for an in-process run; set spec.execution.mode to Pods");
  }
  return job;
}

// A Job of the intended name: ours from before, or in the way.
Result<json> RunStarter::Adopt(const json& object, const ActiveRun& run) {
  STOKER_TRY(json found, context_.client.Get(kube::kJobs, Namespace(object), run.name));
  if (ControllerUid(found) == Uid(object) && !IsBeingDeleted(found) && !ReadJob(found).Finished() &&
      Annotation(found, kPlanHashAnnotation) == run.plan_hash) {
    return found;
  }
  if (ControllerUid(found) == Uid(object)) {
    // An earlier incarnation of this very run, with another plan or already over.
    STOKER_CHECK(context_.client.Delete(kube::kJobs, Namespace(object), run.name, ThisOne(found)));
    return Unavailable(fmt::format("an old Job {} is being replaced", run.name));
  }
  return Invalid(
      fmt::format("a Job {} exists and is not of this policy; delete or rename it", run.name));
}

Result<json> RunStarter::CannotFreeze(const json& object, json status, const ActiveRun& run,
                                      const Error& error) {
  if (error.code == Code::kInvalid) {
    return Refused(object, std::move(status), run, "PlanRefused", error);
  }
  if (error.code == Code::kPermission) {  // a quota, a policy engine: may pass
    STOKER_CHECK(WriteStatus(context_.client, kube::kWarmingPolicies, object, status));
    Send(context_, Regarding(object),
         {kube::EventType::kWarning, "JobNotCreated",
          fmt::format("run {} waits: the API server refuses the ConfigMap of its plan: {}",
                      run.name, error.message)});
  }
  return error;
}

Result<json> RunStarter::Refused(const json& object, json status, const ActiveRun& run,
                                 const char* reason, const Error& error) {
  warming::Report report;
  report.result = warming::Report::Result::kFailed;
  report.reason = reason;
  report.message = error.message;
  WriteRunEnd(status, run, report, Number(object, {"metadata", "generation"}), run.change_hash,
              context_.clock.Wall());
  STOKER_TRY(json written, WriteStatus(context_.client, kube::kWarmingPolicies, object, status));
  Send(context_, Regarding(object),
       {kube::EventType::kWarning, "RunFailed",
        fmt::format("run {} failed ({}): {}", run.name, reason, error.message)});
  return written;
}

}  // namespace stoker::reconcile
