#include "controller/reconcile/job_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/reconcile/json_view.h"
#include "tests/unit/reconcile/samples.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;

JobInput Input(RunMode mode) {
  json spec = samples::Spec();
  spec["origins"][0]["http"]["headersSecretRef"] = {{"name", "api-token"}};
  spec["targets"][0]["redis"]["credentialsSecretRef"] = {{"name", "redis-login"}};
  spec["execution"] = {{"deadline", "5m"}, {"workers", {{"replicas", 3}}}};
  const json object = samples::Policy(spec);
  JobInput input;
  input.policy = object;
  input.run = *ReadActiveRun({{"activeRun", samples::Active("")}});
  input.run.mode = mode;
  input.spec = api::ToWarmingPolicy(object)->spec;
  input.pinned = {{"keys", "pages-src-aaaaaaaaaa"}};
  input.image = {"registry/stoker:1", "Never"};
  return input;
}

TEST(JobBuilder, PodsRunIsAnIndexedJobOfFixedSize) {
  const json spec = BuildJob(Input(RunMode::kPods))["spec"];
  EXPECT_EQ(spec["completionMode"], "Indexed");
  EXPECT_EQ(spec["completions"], 3);
  EXPECT_EQ(spec["parallelism"], 3);
  EXPECT_EQ(spec["podReplacementPolicy"], "Failed");
  EXPECT_EQ(spec["backoffLimitPerIndex"], 6);
  EXPECT_EQ(spec["activeDeadlineSeconds"], 360);
  EXPECT_FALSE(spec.contains("managedBy"));
  EXPECT_FALSE(spec.contains("ttlSecondsAfterFinished")) << "only once the result is safe";
}

TEST(JobBuilder, BadInputFailsTheJobAFailedShardItsIndexADisruptionNothing) {
  const json rules = BuildJob(Input(RunMode::kPods))["spec"]["podFailurePolicy"]["rules"];
  ASSERT_EQ(rules.size(), 4U);
  EXPECT_EQ(rules[0]["action"], "Ignore");
  EXPECT_EQ(rules[0]["onPodConditions"][0]["type"], "DisruptionTarget");
  EXPECT_EQ(rules[1]["action"], "FailJob");
  EXPECT_EQ(rules[1]["onExitCodes"]["values"], json({2}));
  EXPECT_EQ(rules[2]["action"], "FailIndex");
  EXPECT_EQ(rules[2]["onExitCodes"]["values"], json({1}));
  EXPECT_EQ(rules[3]["action"], "Ignore") << "a pod that was asked to end has not failed";
  EXPECT_EQ(rules[3]["onExitCodes"]["values"], json({143}));
}

TEST(JobBuilder, InProcessRunIsLeftAloneByKubernetesAndCarriesTheSameTemplate) {
  const json in_process = BuildJob(Input(RunMode::kInProcess))["spec"];
  EXPECT_EQ(in_process["managedBy"], "stoker.dev/in-process");
  EXPECT_EQ(in_process["suspend"], false);
  EXPECT_FALSE(in_process.contains("completionMode"));
  EXPECT_EQ(in_process["template"], BuildJob(Input(RunMode::kPods))["spec"]["template"]);
}

TEST(JobBuilder, WorkerMeetsPodSecurityRestrictedAndHoldsNoToken) {
  const json pod = BuildJob(Input(RunMode::kPods))["spec"]["template"]["spec"];
  EXPECT_EQ(pod["automountServiceAccountToken"], false);
  EXPECT_EQ(pod["restartPolicy"], "Never");
  EXPECT_EQ(pod["terminationGracePeriodSeconds"], 10);
  EXPECT_EQ(pod["securityContext"]["runAsNonRoot"], true);
  EXPECT_EQ(pod["securityContext"]["runAsUser"], 65532);
  EXPECT_EQ(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
  const json container = pod["containers"][0];
  EXPECT_EQ(container["securityContext"],
            json::parse(R"({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                            "capabilities": {"drop": ["ALL"]}})"));
  EXPECT_EQ(container["image"], "registry/stoker:1");
  EXPECT_EQ(container["imagePullPolicy"], "Never");
}

TEST(JobBuilder, MountsThePlanEachSecretAndEachPinnedCopyReadOnly) {
  const json pod = BuildJob(Input(RunMode::kPods))["spec"]["template"]["spec"];
  std::map<std::string, std::string> mounted;
  for (const json& mount : pod["containers"][0]["volumeMounts"]) {
    EXPECT_EQ(mount["readOnly"], true);
    for (const json& volume : pod["volumes"]) {
      if (volume["name"] != mount["name"]) continue;
      const std::string source = volume.contains("secret") ? Text(volume, {"secret", "secretName"})
                                                           : Text(volume, {"configMap", "name"});
      mounted[Text(mount, {"mountPath"})] = source;
      EXPECT_EQ((volume.contains("secret") ? volume["secret"] : volume["configMap"])["defaultMode"],
                0444);
    }
  }
  EXPECT_EQ(mounted, (std::map<std::string, std::string>{
                         {"/etc/stoker/plan", "pages-plan-p1"},
                         {"/etc/stoker/secrets/api-token", "api-token"},
                         {"/etc/stoker/secrets/redis-login", "redis-login"},
                         {"/etc/stoker/configmaps/keys", "pages-src-aaaaaaaaaa"}}));
}

TEST(JobBuilder, BelongsToItsPolicyAndSaysWhatItIs) {
  JobInput input = Input(RunMode::kPods);
  input.run.schedule = "nightly";
  input.spec.execution.workers.labels = {{"team", "shop"}, {"stoker.dev/policy", "forged"}};
  const json job = BuildJob(input);
  EXPECT_EQ(ControllerUid(job), "policy-uid");
  EXPECT_EQ(Label(job, kManagedByLabel), "stoker");
  EXPECT_EQ(Label(job, kScheduleLabel), "nightly");
  EXPECT_EQ(Annotation(job, kPlanHashAnnotation), "p1");
  const json labels = job["spec"]["template"]["metadata"]["labels"];
  EXPECT_EQ(labels["team"], "shop");
  EXPECT_EQ(labels[kPolicyLabel], "pages");
}

TEST(JobBuilder, TakesWhatThePolicySaysOfWorkers) {
  JobInput input = Input(RunMode::kPods);
  api::Workers& workers = input.spec.execution.workers;
  workers.resources.limits = {{"memory", "32Mi"}};
  workers.node_selector = {{"disk", "ssd"}};
  workers.tolerations = json::parse(R"([{"key": "spot", "operator": "Exists"}])");
  workers.priority_class_name = "low";
  workers.annotations = {{"a", "b"}};
  const json pod_template = BuildJob(input)["spec"]["template"];
  const json resources = pod_template["spec"]["containers"][0]["resources"];
  EXPECT_EQ(resources["limits"]["memory"], "32Mi");
  EXPECT_EQ(resources["requests"]["memory"], "32Mi")
      << "the default request must not exceed the limit";
  EXPECT_EQ(resources["requests"]["cpu"], "100m");
  EXPECT_EQ(pod_template["spec"]["nodeSelector"]["disk"], "ssd");
  EXPECT_EQ(pod_template["spec"]["tolerations"][0]["key"], "spot");
  EXPECT_EQ(pod_template["spec"]["priorityClassName"], "low");
  EXPECT_EQ(pod_template["metadata"]["annotations"]["a"], "b");
}

TEST(JobBuilder, APinnedCopyIsNamedByItsContentAndImmutable) {
  const json policy = samples::Policy();
  const json source = {{"metadata", {{"name", "keys"}}}, {"data", {{"list", "a\nb"}}}};
  const json copy = BuildPinnedConfigMap(policy, source);
  EXPECT_EQ(copy["immutable"], true);
  EXPECT_EQ(copy["data"]["list"], "a\nb");
  EXPECT_EQ(Name(BuildPinnedConfigMap(policy, copy)), Name(copy))
      << "a copy of the copy has its name";
  json other = source;
  other["data"]["list"] = "a\nc";
  EXPECT_NE(Name(BuildPinnedConfigMap(policy, other)), Name(copy));
}

}  // namespace
}  // namespace stoker::reconcile
