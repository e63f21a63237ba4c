// Another Redis as the source: what is copied, what is not, and connections that break.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/io_context.hpp>
#include <set>

#include "controller/warming/source/redis_source.h"
#include "tests/integration/warming/copy_run.h"
#include "tests/support/loop_runner.h"
#include "tests/support/redis_cluster.h"
#include "tests/support/redis_server.h"
#include "tests/support/scripted_server.h"

namespace stoker::warming {
namespace {

using stoker::testing::RedisServer;
using stoker::testing::RunCommand;
using stoker::testing::ScriptedServer;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::SomeSecrets;

// Many commands at once.
void Feed(const RedisServer& server, const std::string& commands) {
  const auto fed = RunCommand({"redis-cli", "-p", std::to_string(server.port())}, commands);
  ASSERT_EQ(fed.exit_code, 0) << fed.err;
}

std::string Keys(int count) {
  std::string commands;
  for (int i = 1; i <= count; ++i)
    commands += "SET k:" + std::to_string(i) + " v" + std::to_string(i) + "\n";
  return commands;
}

class RedisClone : public testing::CopyRun {
 protected:
  RunSpec Spec() const {
    RunSpec spec = CopyRun::Spec();
    spec.policy.sources[0].redis.emplace().server.address = from_.address();
    return spec;
  }

  RedisServer from_;
};

TEST_F(RedisClone, CopiesValuesWithTheTimeTheyHaveLeft) {
  Feed(from_, Keys(3000) + "SET short v PX 90000\nSET other:1 v\nSET empty \"\"\n");
  RunSpec spec = Spec();
  spec.policy.sources[0].exclude = {"other:*"};
  spec.policy.verification_sample_percent = 20;
  const Report report = RunToEnd(spec);
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  EXPECT_EQ(report.progress.tally.warmed, 3002);
  EXPECT_EQ(report.progress.tally.origin_requests, 0);
  EXPECT_GT(report.progress.tally.verified, 300);
  EXPECT_EQ(to_.Cli({"get", "k:2999"}), "v2999");
  EXPECT_EQ(to_.Cli({"exists", "other:1"}), "0");
  EXPECT_EQ(to_.Cli({"strlen", "empty"}), "0");
  EXPECT_EQ(to_.Cli({"exists", "empty"}), "1");
  const int ttl = std::stoi(to_.Cli({"pttl", "short"}));
  EXPECT_GT(ttl, 30'000);
  EXPECT_LE(ttl, 90'000);
  EXPECT_GT(std::stoi(to_.Cli({"ttl", "k:1"})), 3000) << "the target's own, where there was none";
}

TEST_F(RedisClone, TakesWhatMatchesAndFailsWhatIsNoString) {
  Feed(from_, "SET a:1 v\nRPUSH a:list x\nSET b:1 v\n");
  RunSpec spec = Spec();
  spec.policy.sources[0].redis->match = "a:*";
  spec.policy.min_warmed_percent = 10;
  const Report report = RunToEnd(spec);
  EXPECT_EQ(report.progress.tally.warmed, 1);
  ASSERT_EQ(report.progress.failures.size(), 1U) << report.message;
  EXPECT_EQ(report.progress.failures[0].reason, "NotAString");
  EXPECT_EQ(report.progress.failures[0].sample_key, "a:list");
}

TEST_F(RedisClone, CopiesLargeValuesAFewAtATime) {
  std::string commands;
  for (int i = 0; i < 40; ++i) commands += "SETRANGE big:" + std::to_string(i) + " 1000000 x\n";
  Feed(from_, commands);
  const Report report = RunToEnd(Spec());
  EXPECT_EQ(report.progress.tally.warmed, 40) << report.message;
  EXPECT_EQ(report.progress.tally.bytes, 40 * 1'000'001);
}

TEST_F(RedisClone, SelectiveFailsBeforeItsValuesFillTheHost) {
  std::string commands;
  for (int i = 0; i < 5; ++i) commands += "SETRANGE big:" + std::to_string(i) + " 60000000 x\n";
  Feed(from_, commands);
  RunSpec spec = Spec();
  spec.policy.strategy = {api::Strategy::Type::kSelective, 5};
  const Report report = RunToEnd(spec);
  EXPECT_EQ(report.reason, "SourceFailed");
  EXPECT_THAT(report.message, HasSubstr("spec.strategy.top: the best 5 entries come to more than"));
}

TEST_F(RedisClone, SaysWhyItCannotReadAndTellsNoPassword) {
  EXPECT_EQ(from_.Cli({"config", "set", "requirepass", "s3sam"}), "OK");
  RunSpec spec = Spec();
  EXPECT_THAT(RunToEnd(spec).message, HasSubstr("set credentialsSecretRef"));
  spec.policy.sources[0].redis->server.credentials_secret_ref = "replica";
  EXPECT_THAT(RunToEnd(spec).message, HasSubstr("redis.credentialsSecretRef: Secret \"replica\""));
  secrets_->secrets["replica"] = {{"password", "t0p-secret"}};
  const Report report = RunToEnd(spec);
  EXPECT_EQ(report.reason, "SourceFailed") << report.message;
  EXPECT_THAT(report.message, Not(HasSubstr("t0p")));
  spec.policy.sources[0].redis->server.address = "127.0.0.1:1";
  EXPECT_THAT(RunToEnd(spec).message, HasSubstr("refused the connection"));
}

TEST_F(RedisClone, TheEgressGuardJudgesItsAddress) {
  RunOptions options;
  options.egress.guarded = true;
  const Report report = RunToEnd(Spec(), std::move(options));
  EXPECT_THAT(report.message, HasSubstr("egress guard"));
}

TEST_F(RedisClone, GoesOnWhenTheConnectionIsLost) {
  Feed(from_, Keys(20'000));
  RunSpec spec = Spec();
  spec.policy.retry.limit = 20;
  auto run = warming::Run::Create(spec, secrets_, {});
  ASSERT_TRUE(run) << run.error().message;
  (*run)->Start();
  int killed = 0;
  while (!(*run)->Done() && killed < 5) {
    if (from_.Cli({"client", "kill", "type", "normal", "skipme", "yes"}) != "0") ++killed;
  }
  const Report report = (*run)->Wait();
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  EXPECT_GT(killed, 0);
  EXPECT_EQ(to_.Cli({"dbsize"}), "20000");
}

// The source alone, chunk by chunk, so that something can happen between two of them.
class RedisWalk : public ::testing::Test {
 protected:
  static constexpr int kWalkedKeys = 20'000;

  void Walk(const RedisServer& server) {
    Feed(server, Keys(kWalkedKeys));
    Open(server.address());
  }
  void Open(const std::string& address) {
    SourceHost host;
    host.loop = &loop_;
    host.egress = std::make_shared<const EgressGuard>(*EgressGuard::Make(false, {}, {}));
    host.retry = {50, Millis(1), Millis(100)};
    api::RedisSource spec;
    spec.server.address = address;
    auto made = MakeRedisSource(spec, {}, secrets_, host);
    ASSERT_TRUE(made) << made.error().message;
    source_ = std::move(*made);
  }
  // False: the walk has ended, or failed.
  bool Next() {
    EntryChunk chunk;
    const auto more = stoker::testing::RunOn(loop_, source_->Next(chunk));
    yielded_ += std::ssize(chunk.entries);
    for (const Entry& entry : chunk.entries) keys_.emplace(chunk.Key(entry));
    if (!more) error_ = more.error();
    return more && *more;
  }
  void NextTen() {
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(Next()) << error_.message;
  }
  void ToEnd() {
    while (Next()) {
    }
    EXPECT_EQ(error_.message, "");
  }
  static void Disconnect(const RedisServer& server) {
    EXPECT_NE(server.Cli({"client", "kill", "type", "normal", "skipme", "yes"}), "0");
  }

  const SomeSecrets secrets_;
  asio::io_context loop_;
  std::unique_ptr<Source> source_;  // gone before the loop that it uses
  std::int64_t yielded_ = 0;
  std::set<std::string> keys_;
  Error error_;
};

TEST_F(RedisWalk, GoesOnWhereItWasOnTheSameServer) {
  const RedisServer server;
  Walk(server);
  NextTen();
  Disconnect(server);
  ToEnd();
  EXPECT_EQ(std::ssize(keys_), kWalkedKeys);
  EXPECT_EQ(yielded_, kWalkedKeys) << "nothing was yielded again";
}

// A server that was started anew hashes keys another way: a cursor of before skips some of them.
TEST_F(RedisWalk, LeavesNothingOutWhenTheServerWasRestarted) {
  RedisServer server({"appendonly yes"});
  Walk(server);
  NextTen();
  server.Kill();
  server.Start();
  ToEnd();
  EXPECT_EQ(std::ssize(keys_), kWalkedKeys);
}

TEST_F(RedisWalk, BeginsAgainWhereTheServerDoesNotSayWhoItIs) {
  const RedisServer server({"user default on nopass ~* &* +@all -info"});
  Walk(server);
  NextTen();
  Disconnect(server);
  ToEnd();
  EXPECT_EQ(std::ssize(keys_), kWalkedKeys);
  EXPECT_GT(yielded_, kWalkedKeys);
}

TEST_F(RedisWalk, BeginsNotForEver) {
  const RedisServer mute({"user default on nopass ~* &* +@all -info"});
  Walk(mute);
  while (Next()) Disconnect(mute);
  EXPECT_EQ(error_.code, Code::kExhausted);
  EXPECT_THAT(error_.message, HasSubstr(mute.address() + ": the walk began 8 times"));
  EXPECT_THAT(error_.message, HasSubstr("let its user ask INFO"));

  RedisServer restless({"appendonly yes"});
  Walk(restless);
  while (Next()) {
    restless.Kill();
    restless.Start();
  }
  EXPECT_THAT(error_.message, HasSubstr("name one that stays up, not a Service over several"));
}

TEST_F(RedisWalk, RefusesMoreKeysAtOnceThanItCanHold) {
  const ScriptedServer server([](ScriptedServer::Peer& peer) {
    std::string in;
    const auto answer = [&](const char* command, const std::string& reply) {
      while (in.find(command) == std::string::npos) {
        if (!peer.Receive(in)) return false;
      }
      return peer.Send(reply);
    };
    const std::string key = "$41943040\r\n" + std::string(40 << 20, 'k') + "\r\n";
    if (answer("EXISTS", ":0\r\n") && answer("INFO", "$-1\r\n") &&
        answer("SCAN", "*2\r\n$1\r\n7\r\n*2\r\n" + key + key)) {
      peer.Stall();
    }
  });
  Open(server.address());
  EXPECT_FALSE(Next());
  EXPECT_EQ(error_.message, server.address() + " answers SCAN with more than 64 MiB of keys");
}

class RedisClusterClone : public testing::CopyRun {
 protected:
  void SetUp() override {
    std::string commands;
    for (int i = 1; i <= kCount; ++i) commands += "SETRANGE k:" + std::to_string(i) + " 15999 x\n";
    commands += "EXPIRE k:1 900\n";
    const auto fed =
        RunCommand({"redis-cli", "-c", "-p", std::to_string(from_.node(0).port())}, commands);
    ASSERT_EQ(fed.exit_code, 0) << fed.err;
    ASSERT_EQ(from_.Keys(), kCount);
    ASSERT_TRUE(stoker::testing::WaitFor([&] {  // the replicas have them, too
      int keys = 0;
      for (std::size_t i = 0; i < 6; ++i) keys += std::stoi(from_.node(i).Cli({"dbsize"}));
      return keys == 2 * kCount;
    }));
  }
  [[nodiscard]] RunSpec Spec() const {
    RunSpec spec = CopyRun::Spec();
    auto& server = spec.policy.sources[0].redis.emplace().server;
    server.address = from_.address();
    server.mode = api::RedisTarget::Mode::kCluster;
    return spec;
  }

  static constexpr int kCount = 5000;  // of 16 kB: more than a run holds while its target hangs
  stoker::testing::RedisCluster from_;
};

TEST_F(RedisClusterClone, CopiesEveryPrimarysKeysWithTheTimeTheyHaveLeft) {
  const Report report = RunToEnd(Spec());
  EXPECT_EQ(report.progress.tally.warmed, kCount) << report.message;
  EXPECT_EQ(to_.Cli({"dbsize"}), std::to_string(kCount));
  EXPECT_EQ(to_.Cli({"strlen", "k:4711"}), "16000");
  EXPECT_LE(std::stoi(to_.Cli({"ttl", "k:1"})), 900);
}

// The target stands still until slots have moved past the reader, so it must look again.
TEST_F(RedisClusterClone, BeginsAgainWhenSlotsMoveAndMissesNothing) {
  ASSERT_EQ(to_.Cli({"CLIENT", "PAUSE", "60000", "WRITE"}), "OK");
  auto run = warming::Run::Create(Spec(), secrets_, {});
  ASSERT_TRUE(run) << run.error().message;
  (*run)->Start();
  ASSERT_TRUE(stoker::testing::WaitFor([&] { return (*run)->Snapshot().tally.discovered > 0; }));
  const auto primaries = from_.Primaries();
  EXPECT_EQ(from_.Reshard(primaries[2], primaries[0], 1500), "");
  EXPECT_EQ(to_.Cli({"CLIENT", "UNPAUSE"}), "OK");
  const Report report = (*run)->Wait();
  EXPECT_EQ(report.progress.tally.warmed, kCount) << report.message;
  EXPECT_EQ(to_.Cli({"dbsize"}), std::to_string(kCount));
}

TEST_F(RedisClusterClone, GoesOnWithTheReplicaOfAPrimaryThatBreaksOff) {
  ASSERT_EQ(to_.Cli({"CLIENT", "PAUSE", "60000", "WRITE"}), "OK");
  auto run = warming::Run::Create(Spec(), secrets_, {});
  ASSERT_TRUE(run) << run.error().message;
  (*run)->Start();
  ASSERT_TRUE(stoker::testing::WaitFor([&] { return (*run)->Snapshot().tally.discovered > 0; }));
  from_.node(from_.Primaries()[1]).Kill();
  EXPECT_EQ(to_.Cli({"CLIENT", "UNPAUSE"}), "OK");
  const Report report = (*run)->Wait();
  EXPECT_EQ(report.progress.tally.warmed, kCount) << report.message;
}

TEST_F(RedisClusterClone, AServerThatIsNoClusterIsSaidToBeNone) {
  RunSpec spec = Spec();
  spec.policy.sources[0].redis->server.address = to_.address();
  const Report report = RunToEnd(spec);
  EXPECT_EQ(report.reason, "SourceFailed");
  EXPECT_THAT(report.message, HasSubstr("is no Redis Cluster: set mode to Standalone"));
}

}  // namespace
}  // namespace stoker::warming
