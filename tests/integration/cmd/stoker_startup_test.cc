// Warming at an application's start: the recipe of docs/sessions.md, and the flags that keep it from
// holding anybody up.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>

#include "tests/integration/cmd/program.h"
#include "tests/support/nginx_server.h"
#include "tests/support/postgres_server.h"
#include "tests/support/redis_server.h"
#include "tests/unit/cmd/sample_manifests.h"

namespace stoker {
namespace {

using nlohmann::json;
using testing::CommandResult;
using ::testing::HasSubstr;
using testing::RunCommand;
using testing::SamplePolicy;
using testing::Stoker;

const std::string& Recipe() {
  static const std::string folder = STOKER_SOURCE_DIR + "/examples/sessions/";
  return folder;
}

// The recipe's policy with this Redis in place of its own.
std::string RecipeFor(const testing::TempDir& dir, const std::string& redis) {
  std::string policy = testing::ReadFile(Recipe() + "policy.yaml");
  const std::string address = "redis:6379";
  policy.replace(policy.find(address), address.size(), redis);
  return dir.File("policy.yaml", policy);
}

TEST(StokerSessionsTest, TheMostRecentlyActiveOnesAreInRedisForFiveMinutes) {
  const testing::TempDir dir;
  testing::PostgresServer postgres;
  testing::RedisServer redis;
  // Session n was active n * 30 s ago, so the last 24 hours hold 2,880 of these.
  postgres.Sql(
      "create table sessions as select n as id, 'cart of ' || n as data, "
      "now() - n * interval '30 seconds' as last_active from generate_series(1, 5000) n");
  ASSERT_EQ(redis.Cli({"SET", "session:7", "fresher"}), "OK");
  const std::string secret = dir.File("url", postgres.Url());
  ASSERT_FALSE(secret.empty());
  const std::string policy = RecipeFor(dir, redis.address());

  const CommandResult plan = RunCommand(Stoker({"plan", "-f", policy, "-o", "json"}));
  EXPECT_EQ(json::parse(plan.out)["entries"], 1000) << plan.err;

  const CommandResult run =
      RunCommand(Stoker({"run", "-f", policy, "--secret", "database=" + dir.path(), "--max-wait",
                         "20s", "-o", "json"}));
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const json tally = testing::LastLine(run.out);
  EXPECT_EQ(tally["discovered"], 1000) << run.err;
  EXPECT_EQ(tally["warmed"], 999);
  EXPECT_EQ(tally["skipped"], 1);
  EXPECT_EQ(redis.Cli({"DBSIZE"}), "1000");
  EXPECT_EQ(redis.Cli({"GET", "session:1"}), "cart of 1");
  EXPECT_EQ(redis.Cli({"GET", "session:7"}), "fresher");
  EXPECT_EQ(redis.Cli({"GET", "session:1000"}), "cart of 1000");
  EXPECT_EQ(redis.Cli({"EXISTS", "session:1001"}), "0");
  const int ttl = std::stoi(redis.Cli({"TTL", "session:1"}));
  EXPECT_TRUE(280 < ttl && ttl <= 300) << ttl;
}

TEST(StokerMaxWaitTest, EndsInTimeWithZeroAndWhatIsWarmStays) {
  const testing::TempDir dir;
  const testing::NginxServer origin("location /v/ { return 200 value; }\n");
  testing::RedisServer redis;
  std::string text = SamplePolicy(origin.url("/v/{key}"), redis.address());
  const std::string fast = "requestsPerSecond: 2000, burst: 50";
  text.replace(text.find(fast), fast.size(), "requestsPerSecond: 20, burst: 1");
  const std::string policy = dir.File("policy.yaml", text);
  const auto start = std::chrono::steady_clock::now();
  const CommandResult run = RunCommand(Stoker({"run", "-f", policy, "--max-wait", "800ms"}));
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(3));
  EXPECT_THAT(run.out, HasSubstr("--max-wait has passed"));
  EXPECT_THAT(run.err, HasSubstr("ends with 0 in place of 1"));
  EXPECT_GT(std::stoi(redis.Cli({"DBSIZE"})), 0);
}

TEST(StokerMaxWaitTest, NothingThatIsWrongHoldsUpTheApplication) {
  const testing::TempDir dir;
  const std::string down = dir.File("down.yaml", SamplePolicy());  // nobody listens there
  const std::string bad = dir.File("bad.yaml", SamplePolicy() + "  typo: true\n");
  const CommandResult unreachable =
      RunCommand(Stoker({"run", "-f", down, "--max-wait", "500ms", "-q"}));
  EXPECT_EQ(unreachable.exit_code, 0) << unreachable.err;
  EXPECT_THAT(unreachable.out, HasSubstr("refused the connection"));
  const CommandResult refused = RunCommand(Stoker({"run", "-f", bad, "--max-wait", "1s"}));
  EXPECT_EQ(refused.exit_code, 0);
  EXPECT_THAT(refused.err, HasSubstr("typo"));
  EXPECT_THAT(refused.err, HasSubstr("ends with 0 in place of 2"));
  const CommandResult misspelt = RunCommand(Stoker({"run", "-f", down, "--max-wait", "soon"}));
  EXPECT_EQ(misspelt.exit_code, 2);
  EXPECT_THAT(misspelt.err, HasSubstr("--max-wait: "));
}

TEST(StokerStayTest, AWarmSidecarWaitsForItsEndAndAFailedOneDoesNot) {
  const testing::TempDir dir;
  const testing::NginxServer origin("location /v/ { return 200 value; }\n");
  testing::RedisServer redis;
  const std::string policy =
      dir.File("policy.yaml", SamplePolicy(origin.url("/v/{key}"), redis.address()));
  testing::Process sidecar(Stoker({"run", "-f", policy, "--stay", "-q"}), dir.path() + "/output");
  ASSERT_TRUE(testing::WaitFor([&] {
    return sidecar.Output().find("SIGTERM ends this process") != std::string::npos;
  })) << sidecar.Output();
  EXPECT_EQ(redis.Cli({"DBSIZE"}), "200");
  sidecar.Signal(SIGTERM);
  EXPECT_EQ(sidecar.Wait(), 0) << sidecar.Output();
  const std::string nobody =
      dir.File("nobody.yaml", SamplePolicy("http://127.0.0.1:1/{key}", redis.address()));
  EXPECT_EQ(redis.Cli({"FLUSHALL"}), "OK");
  EXPECT_EQ(
      RunCommand(Stoker({"run", "-f", nobody, "--stay", "-q", "--deadline", "300ms"})).exit_code,
      1);
}

}  // namespace
}  // namespace stoker
