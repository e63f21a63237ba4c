// `kubectl apply -k manifests/overlays/cluster` gives a controller that runs, leads, and may do no more than it
// must. The fixture has applied it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/cluster/kubectl.h"

namespace stoker::testing {
namespace {

bool ControllerMay(const std::string& verb, const std::string& resource,
                   const std::string& ns = "default") {
  return Kubectl({"auth", "can-i", verb, resource, "-n", ns,
                  "--as=system:serviceaccount:stoker-system:stoker-controller"})
             .exit_code == 0;
}

TEST(Install, RunsTwoReadyReplicasOfWhichOneLeads) {
  const nlohmann::json deployment =
      KubectlJson({"-n", "stoker-system", "get", "deployment", "stoker-controller"});
  EXPECT_EQ(deployment["status"].value("readyReplicas", 0), 2);

  std::set<std::string> pods;
  const nlohmann::json listed = KubectlJson(
      {"-n", "stoker-system", "get", "pods", "-l", "app.kubernetes.io/name=stoker-controller"});
  for (const auto& pod : listed["items"]) pods.insert(pod["metadata"]["name"].get<std::string>());
  std::string leader;
  ASSERT_TRUE(WaitFor([&] { return !(leader = LeaderPod()).empty(); }));
  EXPECT_THAT(pods, ::testing::Contains(leader));
}

TEST(Install, GrantsTheControllerNoMoreThanItNeeds) {
  const struct {
    const char* verb;
    const char* resource;
    bool allowed;
  } kCases[] = {
      {"watch", "warmingpolicies.stoker.dev", true},
      {"patch", "warmingpolicies.stoker.dev/status", true},
      {"patch", "warmingpolicies.stoker.dev", false},
      {"create", "jobs.batch", true},
      {"get", "secrets", true},
      {"list", "secrets", false},
      {"watch", "secrets", false},
      {"create", "pods", false},
      {"create", "leases.coordination.k8s.io", false},  // outside its own namespace
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(ControllerMay(c.verb, c.resource), c.allowed) << c.verb << " " << c.resource;
  }
  EXPECT_TRUE(ControllerMay("create", "leases.coordination.k8s.io", "stoker-system"));
}

TEST(Install, LetsEditorsWriteSpecsButNeverStatus) {
  const auto editor_may = [](const char* verb, const char* resource) {
    return Kubectl({"auth", "can-i", verb, resource, "--as=tester", "-n", "install-edit"}).exit_code == 0;
  };
  const TestNamespace ns("install-edit");
  ASSERT_EQ(Kubectl({"-n", ns.name(), "create", "rolebinding", "tester", "--clusterrole=edit",
                     "--user=tester"})
                .exit_code,
            0);
  ASSERT_TRUE(WaitFor([&] { return editor_may("create", "warmingpolicies.stoker.dev"); }));
  EXPECT_FALSE(editor_may("patch", "warmingpolicies.stoker.dev/status"));
  EXPECT_FALSE(editor_may("update", "prewarmschedules.stoker.dev/status"));
}

TEST(Install, AnswersToTheKindsShortNamesAndCategory) {
  for (const char* name : {"wp", "wpol", "pws", "stoker"}) {
    const CommandResult result = Kubectl({"get", name, "-A"});
    EXPECT_EQ(result.exit_code, 0) << name << ": " << result.err;
  }
}

}  // namespace
}  // namespace stoker::testing
