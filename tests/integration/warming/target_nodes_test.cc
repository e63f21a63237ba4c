// Redis of several nodes: a cluster that is resharded and loses a primary during a run, and
// sentinels that name another master.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "controller/warming/target/redis_target.h"
#include "tests/integration/warming/run_bench.h"
#include "tests/integration/warming/target_client.h"
#include "tests/support/nginx_server.h"
#include "tests/support/redis_cluster.h"

namespace stoker::warming {
namespace {

using stoker::testing::NginxServer;
using stoker::testing::RedisCluster;
using stoker::testing::RedisSentinels;
using stoker::testing::RedisServer;
using stoker::testing::WaitFor;
using testing::TargetClient;

constexpr std::int64_t kItems = 6'000;

RedisOptions At(const std::string& address) {
  RedisOptions options;
  options.endpoint = *ParseHostPort(address);
  options.reply_timeout = Millis(2'000);
  return options;
}

auto Cluster(const std::string& address) {
  return [address](asio::io_context& loop) {
    return MakeRedisClusterTarget(loop, testing::AnyAddress(), At(address));
  };
}

auto Sentinel(const std::string& address, const std::string& master) {
  return [=](asio::io_context& loop) {
    return MakeRedisSentinelTarget(loop, testing::AnyAddress(), At(address), master);
  };
}

std::string Reason(const tl::expected<void, TargetError>& opened) {
  return opened ? "" : opened.error().reason;
}

// A run that takes some seconds, and somebody who disturbs it in the middle.
Report RunDisturbed(const RunSpec& spec, const std::function<void()>& disturb) {
  auto run = Run::Create(spec, std::make_shared<testing::SomeSecrets>(), {});
  if (!run) {
    ADD_FAILURE() << run.error().message;
    return {};
  }
  (*run)->Start();
  EXPECT_TRUE(WaitFor([&] { return (*run)->Snapshot().tally.warmed > kItems / 6; }));
  disturb();
  EXPECT_GT((*run)->Snapshot().tally.left, 0) << "it was over before it was disturbed";
  return (*run)->Wait();
}

RunSpec SlowRun(const NginxServer& nginx, const std::string& address) {
  RunSpec spec = testing::ItemRun(kItems, nginx.url("/item/{id}"), address);
  spec.policy.pacing = {800, 10, 32};
  spec.policy.min_warmed_percent = 100;
  return spec;
}

void ExpectExact(const Report& report) {
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  const Tally& tally = report.progress.tally;
  EXPECT_EQ(tally.discovered, kItems);
  EXPECT_EQ(tally.warmed + tally.skipped, kItems);
  EXPECT_EQ(tally.failed, 0);
  EXPECT_EQ(tally.left, 0);
}

class ClusterTarget : public ::testing::Test {
 protected:
  RunSpec Spec() {
    RunSpec spec = SlowRun(nginx_, cluster_.address());
    spec.policy.targets[0].redis->mode = api::RedisTarget::Mode::kCluster;
    return spec;
  }

  NginxServer nginx_{"location /item/ { return 200 \"value of $uri\"; }"};
  RedisCluster cluster_;
};

TEST_F(ClusterTarget, WritesProbesAndReadsWhereKeysLive) {
  TargetClient client(Cluster(cluster_.address()));
  ASSERT_TRUE(client.Open());
  std::vector<std::string> keys;
  for (int i = 0; i < 300; ++i) keys.push_back("k" + std::to_string(i));
  keys.push_back("{user:7}:a");
  keys.push_back("{user:7}:b");
  std::size_t written = 0;
  for (const std::string& key : keys) {
    client.target->Write(key, key, Millis(90'000), true,
                         [&](const testing::WriteResult& got) { written += got ? 1 : 0; });
  }
  client.RunUntil([&] { return written == keys.size(); });
  ASSERT_EQ(written, keys.size());
  EXPECT_EQ(cluster_.Keys(), 302);
  EXPECT_EQ(cluster_.Cli({"get", "k7"}), "k7");
  EXPECT_EQ(client.Put("k7", "other", Millis(0), true), WriteOutcome::kPresent);
  std::vector<std::string_view> asked(keys.begin(), keys.end());
  asked.push_back("none");
  const auto probed = client.Probe(asked);
  ASSERT_TRUE(probed) << probed.error().message;
  EXPECT_EQ(std::count(probed->begin(), probed->end(), true), 302);
  EXPECT_FALSE(probed->back());
  const auto held = client.Read(asked);
  ASSERT_TRUE(held) << held.error().message;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ((*held)[i].value, keys[i]);
    EXPECT_TRUE((*held)[i].ttl);
  }
}

TEST_F(ClusterTarget, AMeasureThatComesTooEarlyWaitsForTheLayout) {
  TargetClient client(Cluster(cluster_.address()));
  std::optional<std::size_t> measured;
  asio::co_spawn(
      client.loop, client.target->Measure(testing::Soon()),
      [&](const std::exception_ptr&, const auto& nodes) { measured = nodes ? nodes->size() : 0; });
  ASSERT_TRUE(client.Open());
  client.RunUntil([&] { return measured.has_value(); });
  EXPECT_EQ(measured, 3U);
}

TEST_F(ClusterTarget, FollowsASlotThatMovedAndOneThatIsOnItsWay) {
  TargetClient client(Cluster(cluster_.address()));
  ASSERT_TRUE(client.Open());
  ASSERT_EQ(client.Put("stays", "1"), WriteOutcome::kWritten);
  // "foo" is in slot 12182, of the third primary; half moved to the first.
  const std::string from_id = cluster_.node(2).Cli({"cluster", "myid"});
  const std::string to_id = cluster_.node(0).Cli({"cluster", "myid"});
  ASSERT_EQ(cluster_.node(0).Cli({"cluster", "setslot", "12182", "importing", from_id}), "OK");
  ASSERT_EQ(cluster_.node(2).Cli({"cluster", "setslot", "12182", "migrating", to_id}), "OK");
  EXPECT_EQ(client.Put("foo", "on its way", Millis(0), true), WriteOutcome::kWritten);
  EXPECT_EQ(cluster_.node(0).Cli({"cluster", "countkeysinslot", "12182"}), "1");
  const auto held = client.Read({"foo", "stays"});
  ASSERT_TRUE(held) << held.error().message;
  EXPECT_EQ((*held)[0].value, "on its way");
  for (const std::size_t node : {0, 2, 1}) {
    ASSERT_EQ(cluster_.node(node).Cli({"cluster", "setslot", "12182", "node", to_id}), "OK");
  }
  EXPECT_EQ(client.Put("foo", "arrived"), WriteOutcome::kWritten);
  EXPECT_EQ(cluster_.node(0).Cli({"get", "foo"}), "arrived");
}

TEST_F(ClusterTarget, ReshardingDuringARunLosesNothing) {
  const Report report = RunDisturbed(Spec(), [&] { EXPECT_EQ(cluster_.Reshard(0, 1, 200), ""); });
  ExpectExact(report);
  EXPECT_EQ(cluster_.Keys(), kItems);
  EXPECT_EQ(cluster_.Cli({"get", "item:4711"}), "value of /item/4711");
}

TEST_F(ClusterTarget, LosingAPrimaryDuringARunLosesNothing) {
  const Report report = RunDisturbed(Spec(), [&] { cluster_.node(0).Kill(); });
  ExpectExact(report);
  EXPECT_EQ(cluster_.Primaries().size(), 3U);
  EXPECT_EQ(cluster_.Keys(), kItems);
}

TEST(ClusterModes, SayWhenTheyDoNotFit) {
  const RedisServer alone;
  const auto opened = TargetClient(Cluster(alone.address())).Open();
  EXPECT_EQ(Reason(opened), "TargetRejected");
  EXPECT_THAT(opened.error().message, ::testing::HasSubstr("Standalone"));
  EXPECT_FALSE(opened.error().retryable);
}

class SentinelTarget : public ::testing::Test {
 protected:
  RunSpec Spec() {
    RunSpec spec = SlowRun(nginx_, sentinels_.address());
    spec.policy.targets[0].redis->mode = api::RedisTarget::Mode::kSentinel;
    spec.policy.targets[0].redis->master_name = RedisSentinels::kMaster;
    return spec;
  }

  NginxServer nginx_{"location /item/ { return 200 \"value of $uri\"; }"};
  RedisSentinels sentinels_;
};

TEST_F(SentinelTarget, WritesToTheMasterThatTheSentinelsName) {
  TargetClient client(Sentinel(sentinels_.address(), RedisSentinels::kMaster));
  ASSERT_EQ(Reason(client.Open()), "");
  EXPECT_EQ(client.Put("a", "1", Millis(0), true), WriteOutcome::kWritten);
  EXPECT_EQ(sentinels_.Master()->Cli({"get", "a"}), "1");
  const auto unknown = TargetClient(Sentinel(sentinels_.address(), "nobody")).Open();
  EXPECT_EQ(Reason(unknown), "TargetRejected");
  EXPECT_THAT(unknown.error().message, ::testing::HasSubstr("nobody"));
}

TEST_F(SentinelTarget, LosingTheMasterAndASentinelDuringARunLosesNothing) {
  RedisServer* const first = sentinels_.Master();
  const Report report = RunDisturbed(Spec(), [&] {
    sentinels_.KillSentinel(0);  // the one that the policy names
    first->Kill();
  });
  ExpectExact(report);
  RedisServer* const second = sentinels_.Master();
  ASSERT_NE(second, nullptr);
  ASSERT_NE(second, first);
  EXPECT_EQ(second->Cli({"dbsize"}), std::to_string(kItems));
}

// The old master lives on, as a replica: it must not be written to any more.
TEST_F(SentinelTarget, FollowsAFailOverThatWasAskedFor) {
  RedisServer* const first = sentinels_.Master();
  const Report report = RunDisturbed(Spec(), [&] {
    EXPECT_EQ(sentinels_.Ask(1, {"sentinel", "failover", RedisSentinels::kMaster}), "OK\n");
  });
  ExpectExact(report);
  RedisServer* const second = sentinels_.Master();
  ASSERT_NE(second, first);
  EXPECT_EQ(second->Cli({"get", "item:17"}), "value of /item/17");
  EXPECT_EQ(second->Cli({"get", "item:5999"}), "value of /item/5999");
}

}  // namespace
}  // namespace stoker::warming
