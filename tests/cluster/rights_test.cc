// The controller has exactly the rights that it uses. This runs after all other tests of the
// cluster, and reads what the API server recorded of them.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <tuple>

#include "tests/cluster/kubectl.h"

namespace stoker::testing {
namespace {

using Right = std::tuple<std::string, std::string, std::string>;  // group, resource, verb

std::set<Right> Granted() {
  std::set<Right> rights;
  const auto add = [&](const nlohmann::json& role) {
    for (const auto& rule : role["rules"]) {
      for (const auto& group : rule["apiGroups"]) {
        for (const auto& resource : rule["resources"]) {
          for (const auto& verb : rule["verbs"]) rights.emplace(group, resource, verb);
        }
      }
    }
  };
  add(KubectlJson({"get", "clusterrole", "stoker-controller"}));
  add(KubectlJson({"-n", "stoker-system", "get", "role", "stoker-controller"}));
  return rights;
}

TEST(Rights, NothingThatTheControllerAsksForIsDenied) {
  for (const AuditEvent& event : AuditLog()) {
    EXPECT_FALSE(event.denied) << event.verb << " " << event.group << "/" << event.resource << " "
                               << event.ns << "/" << event.name;
  }
}

TEST(Rights, EveryRightGrantedIsUsed) {
  std::set<Right> used;
  for (const AuditEvent& event : AuditLog()) {
    used.emplace(event.group, event.resource, event.verb);
  }
  // Servers that cannot stream the list at the head of a watch are asked for the list: not this
  // one.
  const auto falls_back = [&](const Right& right) {
    const auto& [group, resource, verb] = right;
    return verb == "list" && used.contains({group, resource, "watch"});
  };
  for (const Right& right : Granted()) {
    EXPECT_TRUE(used.contains(right) || falls_back(right))
        << "no test of the cluster made the controller " << std::get<2>(right) << " "
        << std::get<1>(right)
        << ": take it out of manifests/base/rbac.yaml, or run all tests (ctest -L cluster)";
  }
}

}  // namespace
}  // namespace stoker::testing
