// A cache that came back empty is warmed again, whether its pods were replaced or its process died.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/cluster/quickstart.h"

namespace stoker::testing {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using ::testing::HasSubstr;

constexpr int kEntries = 200;

// A patch: few entries, and a rollout trigger on the example's Redis; the others are not there.
json OnRollouts() {
  const json id = {{"name", "id"}, {"from", 1}, {"to", kEntries}};
  const json source = {
      {"name", "products"},
      {"pattern", {{"template", "product:{id}"}, {"variables", json::array({id})}}}};
  json rollouts = json::array();
  for (const char* kind : {"Deployment", "StatefulSet", "DaemonSet"})
    rollouts.push_back({{"kind", kind}, {"name", "redis"}});
  return {{"spec", {{"sources", json::array({source})}, {"triggers", {{"rollouts", rollouts}}}}}};
}

json Rollout(const Quickstart& quickstart, int index) {
  return quickstart.Policy()["status"].value(
      json::json_pointer("/rollouts/" + std::to_string(index)), json::object());
}

class RolloutTest : public QuickstartTest {};

TEST_F(RolloutTest, ReplacedAndRestartedPodsAreWarmedForAgain) {
  Quickstart quickstart("quickstart", OnRollouts());
  ASSERT_TRUE(quickstart.BecomesWarm(seconds(60)));
  ASSERT_TRUE(WaitFor([&] { return Rollout(quickstart, 0).contains("lastStart"); }, seconds(30)));
  EXPECT_THAT(Rollout(quickstart, 1).value("message", ""),
              HasSubstr("StatefulSet \"redis\" does not exist in namespace quickstart"));
  const auto answered = [&] { return Rollout(quickstart, 0).value("lastStart", ""); };
  const auto last_trigger = [&] {
    return quickstart.Policy()["status"].value(json::json_pointer("/lastRun/trigger"), "");
  };

  std::string before = answered();
  quickstart.ReplaceRedis();
  EXPECT_TRUE(WaitFor([&] { return answered() != before && quickstart.RedisKeys() == kEntries; },
                      seconds(90)))
      << quickstart.Policy()["status"];
  EXPECT_TRUE(WaitFor([&] { return last_trigger() == "Rollout"; }, seconds(30)));
  EXPECT_EQ(quickstart.Arrivals().size(), 2 * kEntries);

  before = answered();
  (void)quickstart.RedisCli({"shutdown", "nosave"});
  EXPECT_TRUE(WaitFor([&] { return answered() != before && quickstart.RedisKeys() == kEntries; },
                      seconds(90)))
      << quickstart.Policy()["status"];
}

}  // namespace
}  // namespace stoker::testing
