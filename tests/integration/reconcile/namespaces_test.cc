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
  EXPECT_THAT(controller.process().Output(), Not(HasSubstr("reconcile failed")));
}

}  // namespace
}  // namespace stoker::testing
