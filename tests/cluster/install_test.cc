// `kubectl apply -k manifests/overlays/cluster` gives a controller that runs, leads, and may do no
// more than it must. The fixture has applied it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/cluster/kubectl.h"

namespace stoker::testing {
namespace {

// `resource` may name a subresource: "jobs.batch/status".
bool May(const std::string& user, const std::string& verb, const std::string& resource,
         const std::string& ns) {
  const std::size_t slash = resource.find('/');
  std::vector<std::string> args = {"auth", "can-i", verb,          resource.substr(0, slash),
                                   "-n",   ns,      "--as=" + user};
  if (slash != std::string::npos) args.push_back("--subresource=" + resource.substr(slash + 1));
  return Kubectl(args).exit_code == 0;
}

constexpr char kController[] = "system:serviceaccount:stoker-system:stoker-controller";

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
    EXPECT_EQ(May(kController, c.verb, c.resource, "default"), c.allowed)
        << c.verb << " " << c.resource;
  }
  EXPECT_TRUE(May(kController, "create", "leases.coordination.k8s.io", "stoker-system"));
}

TEST(Install, LetsEditorsWriteSpecsButNeverStatus) {
  const TestNamespace ns("install-edit");
  const auto editor_may = [&](const char* verb, const char* resource) {
    return May("tester", verb, resource, ns.name());
  };
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
