// A table of a real PostgreSQL as a target.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/warming/run_bench.h"
#include "tests/support/postgres_server.h"

namespace stoker::warming {
namespace {

using stoker::testing::PostgresServer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class SqlTargetRun : public ::testing::Test {
 protected:
  // What it acknowledged it still has after a crash, as a database does by default.
  static void SetUpTestSuite() {
    postgres_ =
        std::make_unique<PostgresServer>(std::vector<std::string>{"synchronous_commit = on"});
  }
  static void TearDownTestSuite() { postgres_.reset(); }
  void SetUp() override {
    secrets_->secrets["database"] = {{"url", postgres_->Url()}};
    postgres_->Sql(
        "drop table if exists cache; "
        "create table cache (key text primary key, value bytea not null, expires_at timestamptz)");
  }

  // "item:1".."item:<count>" with "value 1"... into the table.
  [[nodiscard]] RunSpec Spec(std::int64_t count) const {
    RunSpec spec = testing::ItemRun(count, "http://nobody.invalid/{key}", "127.0.0.1:1");
    spec.policy.origins.clear();
    spec.policy.sources[0].pattern->value = "value {id}";
    api::Target& target = spec.policy.targets[0];
    target.redis.reset();
    target.sql.emplace();
    target.sql->connection_secret_ref = {"database", "url"};
    target.sql->table = "cache";
    return spec;
  }
  [[nodiscard]] Report RunToEnd(const RunSpec& spec) const {
    auto ended = testing::TryRun(spec, secrets_);
    if (ended) return std::move(*ended);
    Report report;
    report.message = ended.error().message;
    return report;
  }
  static std::string Sql(const std::string& statements) { return postgres_->Sql(statements); }

  static std::unique_ptr<PostgresServer> postgres_;
  std::shared_ptr<testing::SomeSecrets> secrets_ = std::make_shared<testing::SomeSecrets>();
};

std::unique_ptr<PostgresServer> SqlTargetRun::postgres_;

TEST_F(SqlTargetRun, HoldsEveryEntryForItsTimeAndReadsSamplesBack) {
  RunSpec spec = Spec(20'000);
  spec.policy.verification_sample_percent = 5;
  const Report report = RunToEnd(spec);
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  EXPECT_EQ(report.progress.tally.warmed, 20'000);
  EXPECT_GT(report.progress.tally.verified, 500);
  EXPECT_EQ(report.progress.tally.verify_failed, 0);
  EXPECT_EQ(Sql("select count(*) from cache"), "20000");
  EXPECT_EQ(Sql("select convert_from(value, 'UTF8') from cache where key = 'item:4711'"),
            "value 4711");
  EXPECT_EQ(Sql("select count(*) from cache where expires_at between now() + interval '50 min' "
                "and now() + interval '70 min'"),
            "20000");
  const Report again = RunToEnd(spec);
  EXPECT_EQ(again.progress.tally.skipped, 20'000) << again.message;
}

TEST_F(SqlTargetRun, KeepsWhatIsThereButNotWhatHasExpired) {
  Sql("insert into cache values ('item:1', 'kept', null), ('item:2', 'kept', now() + '1 h'), "
      "('item:3', 'old', now() - interval '1 s')");
  const Report report = RunToEnd(Spec(4));
  EXPECT_EQ(report.progress.tally.skipped, 2);
  EXPECT_EQ(report.progress.tally.warmed, 2);
  const std::string values =
      "select string_agg(convert_from(value, 'UTF8'), ',' order by key) from cache";
  EXPECT_EQ(Sql(values), "kept,kept,value 3,value 4");
  RunSpec over = Spec(4);
  over.policy.targets[0].write.mode = api::Write::Mode::kOverwrite;
  over.policy.targets[0].write.ttl.reset();
  over.policy.targets[0].write.ttl_jitter_percent = 0;
  EXPECT_EQ(RunToEnd(over).progress.tally.warmed, 4);
  EXPECT_EQ(Sql(values), "value 1,value 2,value 3,value 4");
  EXPECT_EQ(Sql("select count(*) from cache where expires_at is null"), "4");
}

TEST_F(SqlTargetRun, FindsTheRowsThatTheTableRefusesAndWritesTheOthers) {
  Sql("alter table cache add check (key not in ('item:7', 'item:499'))");
  const Report report = RunToEnd(Spec(600));
  EXPECT_EQ(report.progress.tally.warmed, 598) << report.message;
  EXPECT_EQ(report.progress.tally.failed, 2);
  ASSERT_EQ(report.progress.failures.size(), 1U);
  EXPECT_EQ(report.progress.failures[0].reason, "TargetRejected");
  EXPECT_THAT(report.progress.failures[0].sample_message, HasSubstr("check constraint"));
}

TEST_F(SqlTargetRun, TakesNamesAndTypesAsTheTableHasThem) {
  Sql("create schema if not exists \"Shop\"; drop table if exists \"Shop\".\"my table\"; "
      "create table \"Shop\".\"my table\" (\"a \"\"key\" bytea unique, doc json, \"till\" "
      "timestamptz)");
  RunSpec spec = Spec(10);
  spec.policy.sources[0].pattern->value = "{{\"id\":  {id}}}";
  spec.policy.verification_sample_percent = 100;
  api::SqlTarget& sql = *spec.policy.targets[0].sql;
  sql.table = "Shop.my table";
  sql.key_column = "a \"key";
  sql.value_column = "doc";
  sql.expiry_column = "till";
  const Report report = RunToEnd(spec);
  EXPECT_EQ(report.progress.tally.warmed, 10) << report.message;
  EXPECT_EQ(report.progress.tally.verified, 10);
  EXPECT_EQ(Sql("select doc->>'id' from \"Shop\".\"my table\" where \"a \"\"key\" = 'item:3'"),
            "3");
}

struct Standing {
  const char* name;
  const char* before;  // statements
  const char* column;  // of the values
  const char* reason;
  const char* says;
};

class SqlTargetRefuses : public SqlTargetRun, public ::testing::WithParamInterface<Standing> {};

// At once, with the mend, and with no connection parameter in it.
TEST_P(SqlTargetRefuses, AndSaysWhatToDo) {
  Sql(GetParam().before);
  RunSpec spec = Spec(10);
  spec.policy.targets[0].sql->value_column = GetParam().column;
  if (std::string_view(GetParam().name) == "NoRights") {
    secrets_->secrets["database"]["url"] =
        fmt::format("postgresql://guest:g0ne@127.0.0.1:{}/shop", postgres_->port());
  }
  const auto begun = std::chrono::steady_clock::now();
  const Report report = RunToEnd(spec);
  EXPECT_EQ(report.result, Report::Result::kFailed);
  EXPECT_EQ(report.reason, GetParam().reason);
  EXPECT_THAT(report.message,
              AllOf(HasSubstr(GetParam().says), Not(HasSubstr("s3sam")), Not(HasSubstr("g0ne"))));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
}

INSTANTIATE_TEST_SUITE_P(
    Standing, SqlTargetRefuses,
    ::testing::Values(
        Standing{"NoTable", "drop table cache", "value", "TargetRejected",
                 "create table \"cache\" (\"key\" text primary key"},
        Standing{"NoColumn", "", "worth", "TargetRejected", "correct keyColumn, valueColumn"},
        Standing{"WrongType", "alter table cache alter value type int using 1", "value",
                 "TargetRejected", "valueColumn: the column \"value\" must be bytea"},
        Standing{"NoUniqueKey", "alter table cache drop constraint cache_pkey", "value",
                 "TargetRejected", "make keyColumn the table's primary key"},
        Standing{
            "NoRights",
            "do $$ begin create role guest login password 'g0ne'; "
            "exception when duplicate_object then null; end $$; grant select on cache to guest",
            "value", "TargetAuth", "grant the user SELECT, INSERT and UPDATE"}),
    [](const auto& standing) { return standing.param.name; });

TEST_F(SqlTargetRun, AKeyThatIsNoTextFailsAloneAndTheOthersAreWritten) {
  RunSpec spec = Spec(1);
  spec.policy.sources[0].pattern->variables[0] = {"id", {"a", "\xff", "b"}, {}, {}};
  spec.policy.sources[0].pattern->value = "same";
  const Report report = RunToEnd(spec);
  EXPECT_EQ(report.progress.tally.warmed, 2) << report.message;
  EXPECT_EQ(report.progress.tally.failed, 1);
}

TEST_F(SqlTargetRun, WaitsForADatabaseThatRestarts) {
  // Lest it acknowledges what it has not written down.
  secrets_->secrets["database"]["url"] = postgres_->Url("?options=-csynchronous_commit%3Don");
  RunSpec spec = Spec(200'000);
  auto run = warming::Run::Create(spec, secrets_, {});
  ASSERT_TRUE(run) << run.error().message;
  (*run)->Start();
  ASSERT_TRUE(stoker::testing::WaitFor([&] { return (*run)->Snapshot().tally.warmed > 2000; }));
  postgres_->Kill();
  EXPECT_TRUE(stoker::testing::WaitFor([&] { return (*run)->Snapshot().waiting.has_value(); }));
  postgres_->Start();
  const Report report = (*run)->Wait();
  EXPECT_EQ(report.result, Report::Result::kSucceeded) << report.message;
  EXPECT_EQ(report.progress.tally.warmed + report.progress.tally.skipped, 200'000);
  EXPECT_EQ(Sql("select count(*) from cache"), "200000");
}

TEST_F(SqlTargetRun, IsTheColdTierBelowAnother) {
  RunSpec spec = Spec(1000);
  api::Target hot = spec.policy.targets[0];
  hot.name = "hot";
  hot.sql->table = "hot";
  hot.min_score = 1;
  spec.policy.targets.push_back(hot);
  Sql("drop table if exists hot; create table hot (like cache including all)");
  EXPECT_EQ(RunToEnd(spec).progress.tally.warmed, 1000);
  EXPECT_EQ(Sql("select count(*) from hot join cache using (key)"), "1000");
}

TEST_F(SqlTargetRun, CancelsAtOnceWithoutAnAnswer) {
  auto run = warming::Run::Create(Spec(1'000'000), secrets_, {});
  ASSERT_TRUE(run) << run.error().message;
  (*run)->Start();
  ASSERT_TRUE(stoker::testing::WaitFor([&] { return (*run)->Snapshot().tally.warmed > 500; }));
  (*run)->Cancel("enough");
  EXPECT_EQ((*run)->Wait().result, Report::Result::kCancelled);
}

}  // namespace
}  // namespace stoker::warming
