// A run whose keys stand in a ConfigMap: it warms what stood there when it began.

#include <gtest/gtest.h>

#include "tests/integration/reconcile/cluster.h"
#include "tests/support/gzip.h"

namespace stoker::testing {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kConfigMapPoll{200};
constexpr int kListed = 300;

std::string KeyLines(const std::string& prefix, int count) {
  std::string lines;
  for (int i = 1; i <= count; ++i) lines += prefix + ":" + std::to_string(i) + "\n";
  return lines;
}

// kubectl keeps what is no UTF-8 as binaryData.
void ReplaceKeys(const Shop& shop, const std::string& lines) {
  const TempDir dir;
  const std::string file = dir.File("keys.txt.gz", Gzip(lines));
  const std::string made =
      Cluster().MustKubectl({"-n", shop.ns(), "create", "configmap", "keys", "--from-file=" + file,
                             "--dry-run=client", "-o", "json"});
  ASSERT_TRUE(json::parse(made).contains("binaryData"));
  Cluster().MustKubectl({"apply", "--server-side", "--force-conflicts", "-f", "-"}, made);
}

TEST(ConfigMapSource, ARunWarmsTheListAsItStoodWhenItBegan) {
  ControllerProcess controller("config-map-source");
  Shop shop;
  json policy = shop.Policy("listed", 1, {{"pacing", {{"requestsPerSecond", 100}, {"burst", 1}}}});
  policy["spec"]["sources"] = {
      {{"name", "list"},
       {"static", {{"configMapRef", {{"name", "keys"}, {"key", "keys.txt.gz"}}}}}}};
  shop.Apply(policy);
  ASSERT_TRUE(
      WaitFor([&] { return shop.Condition("wp", "listed", "Ready") == "False/ConfigMapNotFound"; },
              seconds(20), kConfigMapPoll))
      << controller.process().Output();

  ReplaceKeys(shop, KeyLines("first", kListed));
  ASSERT_TRUE(WaitFor([&] { return shop.Keys() > 20; }, seconds(20), kConfigMapPoll))
      << shop.Get("wp", "listed").dump(2) << controller.process().Output();
  ReplaceKeys(shop, KeyLines("second", 10));
  ASSERT_TRUE(WaitFor([&] { return shop.Condition("wp", "listed", "Warm") == "True/Warmed"; },
                      seconds(30), kConfigMapPoll))
      << shop.Get("wp", "listed").dump(2) << controller.process().Output();
  EXPECT_EQ(shop.Get("wp", "listed")["status"]["lastRun"]["discovered"], kListed);
  EXPECT_EQ(shop.Keys(), kListed);
  EXPECT_EQ(shop.redis().Cli({"KEYS", "second:*"}), "") << "the edit got into the run";

  Cluster().MustKubectl(
      {"-n", shop.ns(), "annotate", "wp", "listed", "stoker.dev/requestedAt=again"});
  ASSERT_TRUE(WaitFor([&] { return shop.Keys() == kListed + 10; }, seconds(20), kConfigMapPoll))
      << "the next run reads the list as it stands: " << shop.Get("wp", "listed").dump(2);
}

}  // namespace
}  // namespace stoker::testing
