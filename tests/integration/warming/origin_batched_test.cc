// Whole runs whose values come from PostgreSQL or another Redis, many at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/warming/origin/sql_origin.h"
#include "tests/integration/warming/run_bench.h"
#include "tests/support/postgres_server.h"
#include "tests/support/redis_cluster.h"
#include "tests/support/redis_server.h"

namespace stoker::warming {
namespace {

using stoker::testing::PostgresServer;
using stoker::testing::RedisServer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::ItemRun;
using ::testing::Not;
using testing::RunToEnd;
using testing::SomeSecrets;

class RunOverDatabase : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = std::make_unique<PostgresServer>();
    server_->Sql(
        "create table item as select n as id, 'value ' || n as data, decode('00ff', 'hex') as raw "
        "from generate_series(1, 2000) n where n <> 13");
    server_->Sql("insert into item values (5000, null, null), (5001, repeat('x', 100000), null)");
  }
  static void TearDownTestSuite() { server_.reset(); }

  RunSpec Spec(int count) {
    RunSpec spec = ItemRun(count, "", redis_.address());
    api::Origin& origin = spec.policy.origins[0];
    origin.http.reset();
    api::SqlOrigin& sql = origin.sql.emplace();
    sql.connection_secret_ref = {"database", "url"};
    sql.query = "select id, data, raw from item where id = any($1)";
    sql.key_template = "{id}";
    sql.key_column = "id";
    sql.value_column = "data";
    return spec;
  }
  Report Warm(const RunSpec& spec) {
    auto secrets = std::make_shared<SomeSecrets>();
    secrets->secrets["database"]["url"] = server_->Url() + "\n";
    return RunToEnd(spec, secrets);
  }

  static std::unique_ptr<PostgresServer> server_;
  const RedisServer redis_;
};
std::unique_ptr<PostgresServer> RunOverDatabase::server_;

TEST_F(RunOverDatabase, RowsGoToTheirKeysAndWhatHasNoneIsNotFound) {
  const Report report = Warm(Spec(2000));
  EXPECT_EQ(report.progress.tally.warmed, 1999) << report.message;
  ASSERT_EQ(report.progress.failures.size(), 1U);
  EXPECT_EQ(report.progress.failures[0].reason, "NotFound");
  EXPECT_EQ(report.progress.failures[0].sample_key, "item:13");
  EXPECT_EQ(redis_.Cli({"get", "item:1"}), "value 1");
  EXPECT_EQ(redis_.Cli({"get", "item:1999"}), "value 1999");
}

TEST_F(RunOverDatabase, BytesComeAsTheyAre) {
  RunSpec spec = Spec(1);
  spec.policy.origins[0].sql->value_column = "raw";
  EXPECT_EQ(Warm(spec).progress.tally.warmed, 1);
  EXPECT_EQ(redis_.Cli({"strlen", "item:1"}), "2");
}

TEST_F(RunOverDatabase, OneQueryAsksForManyKeys) {
  server_->Sql("create sequence asked");
  RunSpec spec = Spec(300);
  spec.policy.pacing.max_in_flight = 100;
  spec.policy.origins[0].sql->query =
      "with a as materialized (select nextval('asked')) "
      "select id, data from item, a where id = any($1)";
  const Report report = Warm(spec);  // a sequence moves, which a read-only transaction refuses
  EXPECT_EQ(report.progress.tally.warmed, 0);
  EXPECT_EQ(report.reason, "OriginUnavailable");
  EXPECT_THAT(report.message, HasSubstr("read-only transaction"));
  // Each query has an id of its own, so its rows tell how many there were.
  spec.policy.origins[0].sql->query =
      "select id, txid_current()::text as data from item where id = any($1)";
  EXPECT_EQ(Warm(spec).progress.tally.warmed, 299);
  std::set<std::string> queries;
  for (int id = 1; id <= 300; ++id)
    queries.insert(redis_.Cli({"get", "item:" + std::to_string(id)}));
  EXPECT_LT(queries.size(), 60U);
}

TEST_F(RunOverDatabase, AKeyThatTheServerRefusesFailsAlone) {
  RunSpec spec = Spec(50);
  api::Source words;
  words.name = "words";
  api::PatternVariable id;
  id.name = "id";
  id.values = {"no-number", "5000", "5001", R"(a"b\c)"};
  words.pattern = api::PatternSource{"item:{id}", {id}};
  spec.policy.sources.push_back(words);
  spec.policy.origins[0].sql->max_value_bytes = 99'999;
  const Report report = Warm(spec);
  EXPECT_EQ(report.progress.tally.warmed, 49) << report.message;
  std::map<std::string, std::int64_t> counts;
  for (const auto& failure : report.progress.failures) counts[failure.reason] = failure.count;
  EXPECT_EQ(counts, (std::map<std::string, std::int64_t>{
                        {"QueryFailed", 2}, {"NotFound", 2}, {"ValueTooLarge", 1}}));
}

TEST_F(RunOverDatabase, WhatTakesTooLongIsTriedAgainAndLeftToTheNextOrigin) {
  RunSpec spec = Spec(5);
  spec.policy.retry.limit = 1;
  spec.policy.origins.push_back(spec.policy.origins[0]);
  api::SqlOrigin& slow = *spec.policy.origins[0].sql;
  slow.query = "select id, data from item, pg_sleep(5) where id = any($1)";
  slow.statement_timeout = Millis(50);
  EXPECT_EQ(Warm(spec).progress.tally.warmed, 5);
  EXPECT_EQ(redis_.Cli({"flushall"}), "OK");
  spec.policy.origins.pop_back();
  const Report report = Warm(spec);
  ASSERT_EQ(report.progress.failures.size(), 1U) << report.message;
  EXPECT_EQ(report.progress.failures[0].reason, "Timeout");
  EXPECT_EQ(report.progress.failures[0].count, 5);
}

TEST_F(RunOverDatabase, WhatAPersonMustMendEndsTheRun) {
  const struct {
    std::string query, key, value, sentence;
  } cases[] = {
      {"select id from nowhere where id = any($1)", "id", "id", "\"nowhere\" does not exist"},
      {"select id, data from item", "id", "data", "it must have the parameter $1"},
      {"select id, data from item where id = any($1)", "name", "data",
       "keyColumn: the query has no column \"name\""},
      {"select id, data from item where id = any($1)", "id", "text",
       "valueColumn: the query has no column \"text\""}};
  for (const auto& c : cases) {
    RunSpec spec = Spec(20);
    spec.policy.origins[0].sql->query = c.query;
    spec.policy.origins[0].sql->key_column = c.key;
    spec.policy.origins[0].sql->value_column = c.value;
    const Report report = Warm(spec);
    EXPECT_EQ(report.reason, "OriginUnavailable") << c.query;
    EXPECT_THAT(report.message, HasSubstr(c.sentence));
  }
}

TEST(SqlOrigin, WritesKeysAsAnArray) {
  EXPECT_EQ(ArrayLiteral({"a", R"(b"c\d)", "", "{e}"}), R"({"a","b\"c\\d","","{e}"})");
}

TEST(RunOverRedis, CopiesValuesWithTheTimeTheyHaveLeft) {
  const RedisServer from, to;
  std::vector<std::string> set = {"mset"};
  for (int i = 1; i <= 1000; ++i) {
    if (i == 13) continue;
    set.insert(set.end(), {"old:" + std::to_string(i), "value " + std::to_string(i)});
  }
  EXPECT_EQ(from.Cli(set), "OK");
  EXPECT_EQ(from.Cli({"expire", "old:7", "60"}), "1");
  EXPECT_EQ(from.Cli({"set", "old:8", std::string(2000, 'x')}), "OK");
  EXPECT_EQ(from.Cli({"del", "old:9"}), "1");
  EXPECT_EQ(from.Cli({"rpush", "old:9", "a"}), "1");
  RunSpec spec = ItemRun(1000, "", to.address());
  spec.policy.origins[0].http.reset();
  api::RedisOrigin& redis = spec.policy.origins[0].redis.emplace();
  redis.server.address = from.address();
  redis.key_template = "old:{id}";
  redis.max_value_bytes = 1000;
  auto run = warming::Run::Create(spec, std::make_shared<SomeSecrets>(), {});
  ASSERT_TRUE(run) << run.error().message;
  (*run)->Start();
  const Report report = (*run)->Wait();
  EXPECT_EQ(report.progress.tally.warmed, 997) << report.message;
  std::map<std::string, std::string> failed;
  for (const auto& failure : report.progress.failures) failed[failure.sample_key] = failure.reason;
  EXPECT_EQ(failed,
            (std::map<std::string, std::string>{
                {"item:13", "NotFound"}, {"item:8", "ValueTooLarge"}, {"item:9", "NotAString"}}));
  EXPECT_EQ(to.Cli({"get", "item:1000"}), "value 1000");
  EXPECT_LE(std::stoi(to.Cli({"ttl", "item:7"})), 60);
  EXPECT_GT(std::stoi(to.Cli({"ttl", "item:6"})), 3000);
}

TEST(RunOverRedis, OneThatIsNotThereLeavesItToTheNext) {
  const RedisServer second, to;
  EXPECT_EQ(second.Cli({"mset", "item:1", "one", "item:2", "two"}), "OK");
  RunSpec spec = ItemRun(2, "", to.address());
  spec.policy.origins[0].http.reset();
  spec.policy.origins[0].redis.emplace().server.address =
      "127.0.0.1:" + std::to_string(stoker::testing::FreePort());
  spec.policy.origins.push_back(spec.policy.origins[0]);
  spec.policy.origins[1].redis->server.address = second.address();
  auto run = warming::Run::Create(spec, std::make_shared<SomeSecrets>(), {});
  ASSERT_TRUE(run) << run.error().message;
  (*run)->Start();
  EXPECT_EQ((*run)->Wait().progress.tally.warmed, 2);
}

Report WarmFromRedis(const RunSpec& spec, std::shared_ptr<SomeSecrets> secrets) {
  auto run = warming::Run::Create(spec, std::move(secrets), {});
  if (!run) {
    ADD_FAILURE() << run.error().message;
    return {};
  }
  (*run)->Start();
  return (*run)->Wait();
}

RunSpec OverRedis(int count, const std::string& to) {
  RunSpec spec = ItemRun(count, "", to);
  spec.policy.origins[0].http.reset();
  spec.policy.origins[0].redis.emplace();
  return spec;
}

TEST(RunOverRedis, AClusterServesItsKeysAndADeadNodeFailsOnlyItsOwn) {
  stoker::testing::RedisCluster from;
  for (int i = 1; i <= 60; ++i) {
    EXPECT_EQ(from.Cli({"set", "item:" + std::to_string(i), "v" + std::to_string(i)}), "OK");
  }
  const RedisServer to, second_to;
  RunSpec spec = OverRedis(60, to.address());
  api::RedisOrigin& redis = *spec.policy.origins[0].redis;
  redis.server.address = from.address();
  redis.server.mode = api::RedisTarget::Mode::kCluster;
  const auto secrets = std::make_shared<SomeSecrets>();
  const Report report = WarmFromRedis(spec, secrets);
  EXPECT_EQ(report.progress.tally.warmed, 60) << report.message;
  EXPECT_EQ(to.Cli({"get", "item:60"}), "v60");
  // The replica takes over some time later; until then its keys wait, and the others do not.
  from.node(from.Primaries().back()).Kill();
  spec.policy.targets[0].redis->address = second_to.address();
  EXPECT_EQ(WarmFromRedis(spec, secrets).progress.tally.warmed, 60);
}

TEST(RunOverRedis, TheMasterIsTheOneThatSentinelsName) {
  stoker::testing::RedisSentinels from;
  EXPECT_EQ(from.Master()->Cli({"mset", "item:1", "one", "item:2", "two"}), "OK");
  const RedisServer to;
  RunSpec spec = OverRedis(2, to.address());
  api::RedisOrigin& redis = *spec.policy.origins[0].redis;
  redis.server.address = from.address();
  redis.server.mode = api::RedisTarget::Mode::kSentinel;
  redis.server.master_name = stoker::testing::RedisSentinels::kMaster;
  const Report report = WarmFromRedis(spec, std::make_shared<SomeSecrets>());
  EXPECT_EQ(report.progress.tally.warmed, 2) << report.message;
}

TEST(RunOverRedis, AKeyThatTheUserMayNotReadFailsAlone) {
  const RedisServer from, to;
  for (int i = 1; i <= 100; ++i) {
    EXPECT_EQ(from.Cli({"set", "item:" + std::to_string(i), std::string(100'000, 'x')}), "OK");
  }
  EXPECT_EQ(from.Cli({"acl", "setuser", "reader", "on", ">secret", "+get", "+strlen", "+pttl",
                      "+ping", "+select", "~item:?", "~item:?0*", "~item:?[1-46-9]"}),
            "OK");
  RunSpec spec = OverRedis(100, to.address());
  api::RedisOrigin& redis = *spec.policy.origins[0].redis;
  redis.server.address = from.address();
  redis.server.credentials_secret_ref = "reader";
  const auto secrets = std::make_shared<SomeSecrets>();
  secrets->secrets["reader"]["username"] = "reader";
  secrets->secrets["reader"]["password"] = "secret";
  const Report report = WarmFromRedis(spec, secrets);
  EXPECT_EQ(report.progress.tally.warmed, 91) << report.message;
  ASSERT_EQ(report.progress.failures.size(), 1U);
  EXPECT_EQ(report.progress.failures[0].reason, "OriginAuth");  // 15, 25, ... 95
  EXPECT_EQ(report.progress.failures[0].count, 9);
}

}  // namespace
}  // namespace stoker::warming
