// Another Redis as the source: what is copied, what is not, and connections that break.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/warming/run_bench.h"
#include "tests/support/redis_server.h"

namespace stoker::warming {
namespace {

using stoker::testing::RedisServer;
using stoker::testing::RunCommand;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::SomeSecrets;

class RedisClone : public ::testing::Test {
 protected:
  RunSpec Spec() const {
    RunSpec spec = testing::ItemRun(1, "http://nobody.invalid/{key}", to_.address());
    spec.policy.origins.clear();
    spec.policy.sources[0].pattern.reset();
    spec.policy.sources[0].redis.emplace().server.address = from_.address();
    return spec;
  }
  Report RunToEnd(const RunSpec& spec, RunOptions options = {}) {
    auto run = warming::Run::Create(spec, secrets_, std::move(options));
    if (!run) {
      Report report;
      report.message = run.error().message;
      return report;
    }
    (*run)->Start();
    return (*run)->Wait();
  }
  // Many commands at once.
  static void Feed(const RedisServer& server, const std::string& commands) {
    const auto fed = RunCommand({"redis-cli", "-p", std::to_string(server.port())}, commands);
    ASSERT_EQ(fed.exit_code, 0) << fed.err;
  }
  static std::string Keys(int count) {
    std::string commands;
    for (int i = 1; i <= count; ++i)
      commands += "SET k:" + std::to_string(i) + " v" + std::to_string(i) + "\n";
    return commands;
  }

  RedisServer from_, to_;
  std::shared_ptr<SomeSecrets> secrets_ = std::make_shared<SomeSecrets>();
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

}  // namespace
}  // namespace stoker::warming
