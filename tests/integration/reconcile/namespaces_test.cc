// Namespaces and the controller: an install that is limited to one, and one that is going away.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/integration/reconcile/cluster.h"

namespace stoker::testing {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr milliseconds kNamespacesPoll{300};

int Occurrences(const std::string& text, const std::string& what) {
  int count = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

// The rules of the manifests' roles, as rules of one Role: namespaces are read by name then.
json RulesForOneNamespace(bool with_namespace) {
  const std::string manifest = std::string(STOKER_SOURCE_DIR) + "/manifests/base/rbac.yaml";
  std::istringstream objects(Cluster().MustKubectl(
      {"create", "--dry-run=client", "-o", "json", "--namespace=stoker-system", "-f", manifest}));
  json rules = json::array();
  while (objects >> std::ws && !objects.eof()) {
    json object;
    objects >> object;
    if (!object.contains("rules")) continue;
    for (json rule : object["rules"]) {
      if (rule["resources"] != json::array({"namespaces"})) rules.push_back(std::move(rule));
    }
  }
  if (with_namespace) {
    rules.push_back({{"apiGroups", {""}}, {"resources", {"namespaces"}}, {"verbs", {"get"}}});
  }
  return rules;
}

// A service account with these rights in `ns` and no others; returns a kubeconfig for it.
std::string RestrictedTo(const std::string& ns, const json& rules) {
  const json role = {{"apiVersion", "rbac.authorization.k8s.io/v1"},
                     {"kind", "Role"},
                     {"metadata", {{"name", "stoker"}, {"namespace", ns}}},
                     {"rules", rules}};
  Cluster().MustKubectl({"apply", "-f", "-"}, role.dump());
  Cluster().MustKubectl({"-n", ns, "create", "serviceaccount", "stoker"});
  Cluster().MustKubectl({"-n", ns, "create", "rolebinding", "stoker", "--role=stoker",
                         "--serviceaccount=" + ns + ":stoker"});
  std::string token = Cluster().MustKubectl({"-n", ns, "create", "token", "stoker"});
  token.erase(token.find_last_not_of('\n') + 1);
  const json config = {
      {"apiVersion", "v1"},
      {"kind", "Config"},
      {"current-context", "c"},
      {"clusters",
       {{{"name", "c"},
         {"cluster",
          {{"server", Cluster().url()}, {"certificate-authority", Cluster().ca_file()}}}}}},
      {"users", {{{"name", "u"}, {"user", {{"token", token}}}}}},
      {"contexts", {{{"name", "c"}, {"context", {{"cluster", "c"}, {"user", "u"}}}}}}};
  return Cluster().dir().File(ns + "-kubeconfig.json", config.dump());
}

std::vector<std::string> LimitedTo(const std::string& ns, const json& rules) {
  return {"--kubeconfig=" + RestrictedTo(ns, rules), "--namespace=" + ns,
          "--lease-namespace=" + ns};
}

TEST(NamespacedInstall, NeedsNoRightOnTheClusterAndSeesTheNamespacesLabelChange) {
  const Shop shop("location / { return 200 value; }", false);
  ControllerProcess controller("stoker-controller",
                               LimitedTo(shop.ns(), RulesForOneNamespace(true)));
  shop.Apply(shop.Policy("pages", 20, {{"execution", {{"mode", "InProcess"}}}}));
  EXPECT_TRUE(
      WaitFor([&] { return shop.Condition("wp", "pages", "Ready") == "False/InProcessNotAllowed"; },
              seconds(20), kNamespacesPoll))
      << controller.process().Output();
  Cluster().MustKubectl({"label", "namespace", shop.ns(), "stoker.dev/in-process=allowed"});
  EXPECT_TRUE(WaitFor([&] { return shop.Condition("wp", "pages", "Warm") == "True/Warmed"; },
                      seconds(20), kNamespacesPoll))
      << controller.process().Output();
  EXPECT_THAT(controller.process().Output(), Not(HasSubstr("forbidden")));
  EXPECT_THAT(controller.process().Output(), Not(HasSubstr("may not be read")));
}

TEST(NamespacedInstall, SendsRunsToPodsWhereItMayNotReadTheNamespace) {
  const Shop shop("location / { return 200 value; }", true);
  ControllerProcess controller("stoker-controller",
                               LimitedTo(shop.ns(), RulesForOneNamespace(false)));
  shop.Apply(shop.Policy("pages", 20));
  EXPECT_TRUE(WaitFor(
      [&] {
        const json policy = shop.Get("wp", "pages");
        return policy.is_object() &&
               policy.value("/status/activeRun/mode"_json_pointer, "") == "Pods";
      },
      seconds(20), kNamespacesPoll))
      << controller.process().Output();
  EXPECT_EQ(Occurrences(controller.process().Output(), "an object may not be read"), 1);
}

TEST(NamespacedInstall, SaysWhichSecretItMayNotReadAndGoesOnOnceItMay) {
  const Shop shop("location / { return 200 value; }", true);
  json rules = RulesForOneNamespace(true);
  json without = json::array();
  for (const json& rule : rules) {
    if (rule["resources"] != json::array({"secrets"})) without.push_back(rule);
  }
  ASSERT_LT(without.size(), rules.size()) << "manifests/base/rbac.yaml has no rule on secrets";
  ControllerProcess controller("stoker-controller", LimitedTo(shop.ns(), without));
  Cluster().MustKubectl(
      {"-n", shop.ns(), "create", "secret", "generic", "token", "--from-literal=X-Token=t"});
  json policy = shop.Policy("pages", 10);
  policy["spec"]["origins"][0]["http"]["headersSecretRef"] = {{"name", "token"}};
  shop.Apply(policy);
  ASSERT_TRUE(
      WaitFor([&] { return shop.Condition("wp", "pages", "Ready") == "False/SecretForbidden"; },
              seconds(20), kNamespacesPoll))
      << controller.process().Output();
  EXPECT_EQ(shop.Requests(), 0);
  const json role = {{"apiVersion", "rbac.authorization.k8s.io/v1"},
                     {"kind", "Role"},
                     {"metadata", {{"name", "stoker"}, {"namespace", shop.ns()}}},
                     {"rules", rules}};
  Cluster().MustKubectl({"apply", "-f", "-"}, role.dump());
  EXPECT_TRUE(WaitFor([&] { return shop.Condition("wp", "pages", "Warm") == "True/Warmed"; },
                      seconds(20), kNamespacesPoll))
      << controller.process().Output();
}

// Its API server has no namespace controller, so that the namespace stays as it goes.
TEST(TerminatingNamespace, EndsTheReconcileOnceAndIsNoError) {
  ApiServer server;
  InstallCrds(server);
  const std::string ns = server.MakeNamespace();
  const json policy = {
      {"apiVersion", "stoker.dev/v1alpha1"},
      {"kind", "WarmingPolicy"},
      {"metadata", {{"name", "pages"}, {"namespace", ns}}},
      {"spec",
       {{"sources",
         {{{"name", "all"},
           {"pattern",
            {{"template", "p:{id}"}, {"variables", {{{"name", "id"}, {"from", 1}, {"to", 9}}}}}}}}},
        {"origins", {{{"name", "web"}, {"http", {{"url", "http://catalogue.shop/{key}"}}}}}},
        {"targets",
         {{{"name", "cache"},
           {"redis", {{"address", "redis.shop:6379"}}},
           {"write", {{"ttl", "1h"}}}}}}}}};
  server.MustKubectl({"apply", "-f", "-"}, policy.dump());
  server.MustKubectl({"delete", "namespace", ns, "--wait=false"});
  ControllerProcess controller("terminating", {"--kubeconfig=" + server.kubeconfig()});
  const auto ended = [&] {
    return Occurrences(controller.process().Output(), "reconcile ends with its namespace");
  };
  EXPECT_TRUE(WaitFor([&] { return ended() > 0; }, seconds(20), kNamespacesPoll))
      << controller.process().Output();
  // A retry would come within milliseconds, and the next ones soon after.
  EXPECT_FALSE(WaitFor([&] { return ended() > 3; }, seconds(2), kNamespacesPoll));
  // A conflict with the namespace controller's own writes is no error either, and tried again.
  EXPECT_THAT(controller.process().Output(), Not(HasSubstr(R"("level":"error")")));
}

}  // namespace
}  // namespace stoker::testing
