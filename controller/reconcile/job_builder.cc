#include "controller/reconcile/job_builder.h"

#include <fmt/format.h>

#include "controller/base/hash.h"
#include "controller/reconcile/json_view.h"
#include "controller/reconcile/names.h"
#include "controller/reconcile/references.h"
#include "controller/warming/run/plan_document.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;

constexpr char kContainer[] = "worker";
constexpr int kUser = 65532;
constexpr int kGraceSeconds = 10;
constexpr int kBackstopSeconds = 60;  // the worker keeps the deadline itself
constexpr int kRestartsPerIndex = 6;
constexpr int kExitRunFailed = 1;
constexpr int kExitBadInput = 2;
constexpr int kExitAskedToEnd = 143;  // by SIGTERM: a suspended Job's pods, a drained node's
constexpr int kReadableByAll = 0444;

json Labels(const JobInput& input) {
  json labels = {{kManagedByLabel, kManagedByValue},
                 {"app.kubernetes.io/name", "stoker-worker"},
                 {kPolicyLabel, Name(input.policy)},
                 {kRunLabel, input.run.name}};
  if (!input.run.schedule.empty()) labels[kScheduleLabel] = input.run.schedule;
  return labels;
}

json Volumes(const JobInput& input, json& mounts) {
  json volumes = json::array();
  const auto add = [&](const std::string& volume, json source, const std::string& path) {
    source["name"] = volume;
    volumes.push_back(std::move(source));
    mounts.push_back({{"name", volume}, {"mountPath", path}, {"readOnly", true}});
  };
  const std::string plan_dir =
      std::string(warming::kPlanFile).substr(0, std::string_view(warming::kPlanFile).rfind('/'));
  add("plan",
      {{"configMap",
        {{"name", PlanConfigMapName(Name(input.policy), input.run.plan_hash)},
         {"defaultMode", kReadableByAll}}}},
      plan_dir);
  int index = 0;
  for (const std::string& name : SecretNames(input.spec)) {
    add(fmt::format("secret-{}", index++),
        {{"secret", {{"secretName", name}, {"defaultMode", kReadableByAll}}}},
        fmt::format("{}/{}", warming::kSecretsDir, name));
  }
  index = 0;
  for (const auto& [name, copy] : input.pinned) {
    add(fmt::format("configmap-{}", index++),
        {{"configMap", {{"name", copy}, {"defaultMode", kReadableByAll}}}},
        fmt::format("{}/{}", warming::kConfigMapsDir, name));
  }
  return volumes;
}

json ResourcesOf(const api::Resources& resources) {
  json requests = {{"cpu", "100m"}, {"memory", "64Mi"}};
  for (const auto& [name, quantity] : resources.requests) requests[name] = quantity;
  json made = {{"requests", requests}};
  // A limit below the default request would be refused: the limit is then the request too.
  for (const auto& [name, quantity] : resources.limits) {
    made["limits"][name] = quantity;
    if (!resources.requests.contains(name)) made["requests"][name] = quantity;
  }
  return made;
}

json Container(const JobInput& input, json mounts) {
  return {
      {"name", kContainer},
      {"image", input.image.image},
      {"imagePullPolicy", input.image.pull_policy},
      {"command", {"stoker-worker"}},
      {"env",
       {{{"name", "STOKER_PLAN_HASH"}, {"value", input.run.plan_hash}},
        {{"name", "STOKER_RUN"}, {"value", input.run.name}}}},
      {"ports", {{{"name", "http"}, {"containerPort", warming::kWorkerPort}, {"protocol", "TCP"}}}},
      {"resources", ResourcesOf(input.spec.execution.workers.resources)},
      {"securityContext",
       {{"allowPrivilegeEscalation", false},
        {"readOnlyRootFilesystem", true},
        {"capabilities", {{"drop", {"ALL"}}}}}},
      {"terminationMessagePath", "/dev/termination-log"},
      {"terminationMessagePolicy", "File"},
      {"volumeMounts", std::move(mounts)}};
}

json Template(const JobInput& input) {
  const api::Workers& workers = input.spec.execution.workers;
  json mounts = json::array();
  json volumes = Volumes(input, mounts);
  json pod = {{"restartPolicy", "Never"},
              {"automountServiceAccountToken", false},
              {"enableServiceLinks", false},
              {"terminationGracePeriodSeconds", kGraceSeconds},
              {"securityContext",
               {{"runAsNonRoot", true},
                {"runAsUser", kUser},
                {"runAsGroup", kUser},
                {"fsGroup", kUser},
                {"seccompProfile", {{"type", "RuntimeDefault"}}}}},
              {"containers", json::array({Container(input, std::move(mounts))})},
              {"volumes", std::move(volumes)}};
  if (!workers.node_selector.empty()) pod["nodeSelector"] = workers.node_selector;
  if (!workers.tolerations.empty()) pod["tolerations"] = workers.tolerations;
  if (!workers.priority_class_name.empty()) pod["priorityClassName"] = workers.priority_class_name;

  json labels = workers.labels;  // ours win: they are how Stoker finds its pods
  labels.update(Labels(input));
  json metadata = {{"labels", std::move(labels)}};
  if (!workers.annotations.empty()) metadata["annotations"] = workers.annotations;
  return {{"metadata", std::move(metadata)}, {"spec", std::move(pod)}};
}

json PodFailurePolicy() {
  const auto on_exit = [](int code, const char* action) {
    return json{
        {"action", action},
        {"onExitCodes", {{"containerName", kContainer}, {"operator", "In"}, {"values", {code}}}}};
  };
  const json disrupted = {
      {"action", "Ignore"},
      {"onPodConditions", {{{"type", "DisruptionTarget"}, {"status", "True"}}}}};
  return {{"rules",
           {disrupted, on_exit(kExitBadInput, "FailJob"), on_exit(kExitRunFailed, "FailIndex"),
            on_exit(kExitAskedToEnd, "Ignore")}}};
}

json JobSpec(const JobInput& input) {
  const api::Execution& execution = input.spec.execution;
  const auto deadline = std::chrono::ceil<std::chrono::seconds>(execution.deadline).count();
  json spec = {{"suspend", false},
               {"podReplacementPolicy", "Failed"},
               {"activeDeadlineSeconds", deadline + kBackstopSeconds},
               {"template", Template(input)}};
  if (input.run.mode == RunMode::kInProcess) {
    spec.update({{"managedBy", kInProcessManager},
                 {"completions", 1},
                 {"parallelism", 1},
                 {"backoffLimit", 0}});
    return spec;
  }
  spec.update({{"completionMode", "Indexed"},
               {"completions", execution.workers.replicas},
               {"parallelism", execution.workers.replicas},
               {"backoffLimitPerIndex", kRestartsPerIndex},
               {"podFailurePolicy", PodFailurePolicy()}});
  return spec;
}

json OwnedConfigMap(const json& policy, const std::string& name) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata",
           {{"name", name},
            {"namespace", Namespace(policy)},
            {"labels", {{kManagedByLabel, kManagedByValue}, {kPolicyLabel, Name(policy)}}},
            {"ownerReferences", json::array({ControllerReference(policy)})}}},
          {"immutable", true}};
}

}  // namespace

json BuildJob(const JobInput& input) {
  json annotations = {{kPlanHashAnnotation, input.run.plan_hash},
                      {kTriggerAnnotation, input.run.trigger}};
  if (!input.run.slot.empty()) annotations[kSlotAnnotation] = input.run.slot;
  return {{"apiVersion", "batch/v1"},
          {"kind", "Job"},
          {"metadata",
           {{"name", input.run.name},
            {"namespace", Namespace(input.policy)},
            {"labels", Labels(input)},
            {"annotations", std::move(annotations)},
            {"ownerReferences", json::array({ControllerReference(input.policy)})}}},
          {"spec", JobSpec(input)}};
}

json BuildPlanConfigMap(const json& policy, const std::string& text, const std::string& plan_hash) {
  json object = OwnedConfigMap(policy, PlanConfigMapName(Name(policy), plan_hash));
  object["data"] = {{"plan.json", text}};
  return object;
}

json BuildPinnedConfigMap(const json& policy, const json& config_map) {
  json content = json::object();
  for (const char* member : {"data", "binaryData"}) {
    if (const json* data = Find(config_map, {member})) content[member] = *data;
  }
  json object =
      OwnedConfigMap(policy, PinnedConfigMapName(Name(policy), Sha256Hex(content.dump())));
  object.update(content);
  return object;
}

}  // namespace stoker::reconcile
