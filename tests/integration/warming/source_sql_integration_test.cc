// Rows of a real PostgreSQL on their way into a real Redis.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "tests/integration/warming/copy_run.h"
#include "tests/support/postgres_server.h"

namespace stoker::warming {
namespace {

using stoker::testing::MakeCertificates;
using stoker::testing::PostgresServer;
using stoker::testing::TempDir;
using stoker::testing::TestCertificates;
using stoker::testing::WaitFor;
using ::testing::HasSubstr;
using ::testing::Not;

class SqlRun : public testing::CopyRun {
 protected:
  static void SetUpTestSuite() {
    dir_ = std::make_unique<TempDir>();
    certs_ = MakeCertificates(*dir_, "IP:127.0.0.1");
    postgres_ = std::make_unique<PostgresServer>(std::vector<std::string>{"log_statement = all"},
                                                 certs_.cert_pem, certs_.key_pem);
    postgres_->Sql(
        "CREATE TABLE session (id int PRIMARY KEY, data text, raw bytea, visits float, ttl "
        "interval, "
        "expires int);"
        "INSERT INTO session SELECT n, 'value ' || n, decode('00ff0a', 'hex'), n, '5 minutes', n "
        "FROM generate_series(1, 5000) n;"
        "CREATE TABLE empty (id int)");
  }
  static void TearDownTestSuite() {
    postgres_.reset();
    dir_.reset();
  }

  void SetUp() override {
    secrets_->secrets["database"] = {{"url", postgres_->Url() + "\n"}};
    secrets_->secrets["ca"] = {{"ca.crt", certs_.ca_pem}};
  }

  // The rows' own values into the cache.
  RunSpec Spec() const {
    RunSpec spec = CopyRun::Spec();
    api::SqlSource sql;
    sql.connection_secret_ref = {"database", "url"};
    sql.query = "select * from session";
    sql.key_template = "session:{id}";
    sql.value_column = "data";
    spec.policy.sources[0].sql = sql;
    return spec;
  }

  static std::unique_ptr<TempDir> dir_;
  static TestCertificates certs_;
  static std::unique_ptr<PostgresServer> postgres_;
};

std::unique_ptr<TempDir> SqlRun::dir_;
TestCertificates SqlRun::certs_;
std::unique_ptr<PostgresServer> SqlRun::postgres_;

TEST_F(SqlRun, WritesEveryRowsValueWithoutAnOrigin) {
  for (const char* order_by : {"", "id"}) {
    RunSpec spec = Spec();
    spec.policy.sources[0].sql->order_by = order_by;
    spec.policy.verification_sample_percent = 10;
    const Report report = RunToEnd(spec);
    EXPECT_EQ(report.reason, "Warmed") << report.message;
    EXPECT_EQ(report.progress.tally.warmed, 5000);
    EXPECT_EQ(report.progress.tally.origin_requests, 0);
    EXPECT_GT(report.progress.tally.verified, 300);
    EXPECT_EQ(to_.Cli({"dbsize"}), "5000");
    EXPECT_EQ(to_.Cli({"get", "session:4711"}), "value 4711");
    const Report again = RunToEnd(spec);
    EXPECT_EQ(again.progress.tally.skipped, 5000) << "IfAbsent keeps what is there";
    EXPECT_EQ(to_.Cli({"flushall"}), "OK");
  }
}

TEST_F(SqlRun, TakesBytesScoresAndTtlsFromColumns) {
  RunSpec spec = Spec();
  auto& sql = *spec.policy.sources[0].sql;
  sql.query = "select *, 'k' || id as k from session -- and a comment";
  sql.key_template = "s:{k}";
  sql.value_column = "raw";
  sql.score_column = "visits";
  sql.ttl_column = "ttl";
  spec.policy.strategy = {api::Strategy::Type::kSelective, 3};
  const Report report = RunToEnd(spec);
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  EXPECT_EQ(to_.Cli({"dbsize"}), "3");
  EXPECT_EQ(to_.Cli({"strlen", "s:k5000"}), "3");
  const int ttl = std::stoi(to_.Cli({"ttl", "s:k5000"}));
  EXPECT_GT(ttl, 290);
  EXPECT_LE(ttl, 300);
}

TEST_F(SqlRun, LeavesOutRowsWhoseTimeIsUpAndStopsAtMaxRows) {
  RunSpec spec = Spec();
  auto& sql = *spec.policy.sources[0].sql;
  sql.query = "select id, data, expires - 10 as ttl from session";
  sql.ttl_column = "ttl";
  sql.order_by = "id";
  sql.max_rows = 1500;  // more than the first page
  const Report report = RunToEnd(spec);
  EXPECT_EQ(report.progress.tally.warmed, 1490) << report.message;
  EXPECT_EQ(to_.Cli({"exists", "session:10"}), "0");
}

// Each row travels to one worker alone, and what another source lists too goes to the same one.
TEST_F(SqlRun, ShardsShareTheRowsOutExactly) {
  for (const char* order_by : {"", "id"}) {
    std::int64_t discovered = 0;
    for (int shard = 0; shard < 3; ++shard) {
      RunSpec spec = Spec();
      spec.shard = {shard, 3};
      auto& sql = *spec.policy.sources[0].sql;
      sql.query = "select id, nullif(id, 7) as part, 'k\u00e9y' as word, data from session";
      sql.key_template = "it's \\{word}:{part}:";
      sql.order_by = order_by;
      api::Source list;
      list.name = "list";
      api::PatternVariable id;
      id.name = "id";
      id.from = 4901;  // the last hundred of the rows, and a hundred more
      id.to = 5100;
      list.pattern = api::PatternSource{"it's \\k\u00e9y:{id}:", {id}, "listed"};
      spec.policy.sources.push_back(list);
      const Report report = RunToEnd(spec);
      const Tally& tally = report.progress.tally;
      discovered += tally.discovered;
      EXPECT_EQ(tally.skipped, 0) << "two workers had the same key";
      EXPECT_NEAR(static_cast<double>(tally.discovered), 5100 / 3.0, 200);
    }
    EXPECT_EQ(discovered, 5100);
    EXPECT_EQ(to_.Cli({"dbsize"}), "5099") << "the row whose key has a NULL fails, once";
    EXPECT_EQ(to_.Cli({"get", "it's \\k\u00e9y:4999:"}), "value 4999");
    EXPECT_EQ(to_.Cli({"flushall"}), "OK");
  }
}

TEST_F(SqlRun, AnEmptyTableIsNoHangAndNoSuccess) {
  RunSpec spec = Spec();
  spec.policy.sources[0].sql->query = "select id, 'x' as data from empty";
  EXPECT_EQ(RunToEnd(spec).progress.tally.discovered, 0);
}

TEST_F(SqlRun, SaysWhatIsWrongAndTellsNoPassword) {
  const struct {
    std::string query, url, complaint;
  } cases[] = {
      {"select * from nowhere", postgres_->Url(), "query: relation \"nowhere\" does not exist"},
      {"select 1; select 2", postgres_->Url(), "query: cannot insert multiple commands"},
      {"select 1) TO PROGRAM 'touch /tmp/x' --", postgres_->Url(), "query: syntax error"},
      {"select $1::int as id", postgres_->Url(), "query: it has parameters"},
      {"select 1 as di", postgres_->Url(), "unknown variable {id}; known here: {di}"},
      {"delete from session returning id, data", postgres_->Url(), "syntax error"},
      {"select id, data from session, pg_sleep(5)", postgres_->Url(), "raise statementTimeout"},
      {"select id, data from session", postgres_->Url("?sslmode=verify-full"), "certificate"},
      {"select id, data from session",
       "postgresql://shop:t0p-secret@127.0.0.1:" + std::to_string(postgres_->port()) + "/shop",
       "password authentication failed"},
      {"select id, data from session", "postgresql://shop:t0p-secret@nowhere.invalid/shop",
       "nowhere.invalid"},
      {"select id, data from session", "postgresql://shop:t0p-secret@127.0.0.1:1/shop",
       "Connection refused"},
      {"select id, data from session", postgres_->Url("?sslkey=/x"),
       "\"sslkey\", which is not allowed"},
  };
  for (const auto& c : cases) {
    RunSpec spec = Spec();
    spec.policy.sources[0].sql->query = c.query;
    spec.policy.sources[0].sql->order_by =
        c.query.find("pg_sleep") != std::string::npos ? "id" : "";
    spec.policy.sources[0].sql->statement_timeout = Millis(200);
    secrets_->secrets["database"] = {{"url", c.url}};
    const Report report = RunToEnd(spec);
    EXPECT_NE(report.result, Report::Result::kSucceeded);
    EXPECT_THAT(report.message, HasSubstr(c.complaint)) << c.query << " " << c.url;
    EXPECT_THAT(report.message, Not(HasSubstr("t0p")));
    EXPECT_THAT(report.message, Not(HasSubstr("s3sam")));
  }
  EXPECT_EQ(postgres_->Sql("select count(*) from session"), "5000");
}

TEST_F(SqlRun, TrustsTheCertificatesOfASecret) {
  RunSpec spec = Spec();
  spec.policy.sources[0].sql->ca_secret_ref = api::KeyRef{"ca", "ca.crt"};
  secrets_->secrets["database"] = {{"url", postgres_->Url("?sslmode=verify-full")}};
  const Report report = RunToEnd(spec);
  EXPECT_EQ(report.reason, "Warmed") << report.message;
}

TEST_F(SqlRun, TheEgressGuardJudgesEveryAddress) {
  RunOptions options;
  options.egress.guarded = true;
  options.egress.allowed = {"127.0.0.2"};
  const Report report = RunToEnd(Spec(), std::move(options));
  EXPECT_EQ(report.reason, "SourceFailed");
  EXPECT_THAT(report.message, HasSubstr("egress guard"));
}

TEST_F(SqlRun, NamesAColumnThatCannotOrder) {
  for (const auto& [query, complaint] :
       {std::pair{"select id / 2 as o, id, data from session", "two rows have the same \"o\""},
        {"select nullif(id, 7) as o, id, data from session", "holds NULL"}}) {
    RunSpec spec = Spec();
    spec.policy.sources[0].sql->query = query;
    spec.policy.sources[0].sql->order_by = "o";
    EXPECT_THAT(RunToEnd(spec).message, HasSubstr(complaint));
  }
}

TEST_F(SqlRun, GoesOnAfterTheLastRowOfACheckpointAndCountsExactly) {
  RunSpec spec = Spec();
  spec.policy.sources[0].sql->order_by = "id";
  std::mutex mutex;
  std::optional<Checkpoint> checkpoint;
  {
    // A run that came to row 2000.
    RunOptions options;
    options.checkpoint_every = Millis(1);
    options.on_checkpoint = [&](const Checkpoint& written) {
      const std::lock_guard lock(mutex);
      checkpoint = written;
    };
    RunSpec part = spec;
    part.policy.sources[0].sql->max_rows = 2000;
    EXPECT_EQ(RunToEnd(part, std::move(options)).progress.tally.warmed, 2000);
  }
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(checkpoint->data.at("cursor").at("position").at("at").at("last"), "2000");
  RunOptions options;
  options.resume = checkpoint;
  const Report report = RunToEnd(spec, std::move(options));
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  EXPECT_EQ(report.progress.tally.discovered, 5000);
  EXPECT_EQ(report.progress.tally.warmed, 5000);
  EXPECT_EQ(report.progress.tally.skipped, 0) << "no row is read twice";
  EXPECT_EQ(to_.Cli({"dbsize"}), "5000");
}

TEST_F(SqlRun, ALostConnectionIsTakenUpWhereItWas) {
  RunSpec spec = Spec();
  spec.policy.sources[0].sql->order_by = "id";
  spec.policy.sources[0].sql->query = "select *, pg_sleep(0.0003) from session";
  auto run = warming::Run::Create(spec, secrets_, {});
  ASSERT_TRUE(run) << run.error().message;
  (*run)->Start();
  ASSERT_TRUE(WaitFor([&] { return (*run)->Snapshot().tally.discovered > 0; }));
  postgres_->Sql(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'stoker'");
  const Report report = (*run)->Wait();
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  EXPECT_EQ(report.progress.tally.warmed, 5000);
}

TEST_F(SqlRun, CancelEndsAQueryThatComputes) {
  RunSpec spec = Spec();
  spec.policy.sources[0].sql->query = "select 1 as id, 'x' as data from pg_sleep(60)";
  auto run = warming::Run::Create(spec, secrets_, {});
  ASSERT_TRUE(run) << run.error().message;
  (*run)->Start();
  const auto asleep = [&] {
    return postgres_->Sql(
               "select count(*) from pg_stat_activity where application_name = 'stoker' and "
               "wait_event = 'PgSleep'") == "1";
  };
  ASSERT_TRUE(WaitFor(asleep));
  const auto start = std::chrono::steady_clock::now();
  (*run)->Cancel("enough");
  EXPECT_EQ((*run)->Wait().reason, "Cancelled");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
  EXPECT_TRUE(WaitFor([&] { return !asleep(); })) << "the server notices too";
}

}  // namespace
}  // namespace stoker::warming
