// A whole run between a real nginx and a real Redis.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/integration/warming/run_bench.h"
#include "tests/support/nginx_server.h"
#include "tests/support/redis_server.h"

namespace stoker::warming {
namespace {

using stoker::testing::NginxServer;
using stoker::testing::RedisServer;
using stoker::testing::WaitFor;
using testing::ItemRun;
using testing::SomeSecrets;

constexpr char kLocations[] =
    "location /item/ { add_header X-Item 1; return 200 \"value of $uri\"; }\n"
    "location /gone/ { return 404; }\n"
    "location / { root www; }\n";

class RunPipeline : public ::testing::Test {
 protected:
  std::unique_ptr<warming::Run> Start(const RunSpec& spec) {
    auto run = warming::Run::Create(spec, materials_, options_);
    EXPECT_TRUE(run) << run.error().message;
    if (!run) std::abort();
    (*run)->Start();
    return std::move(*run);
  }
  std::string Url() { return nginx_.url("/item/{id}"); }

  NginxServer nginx_{kLocations};
  RedisServer redis_;
  RunOptions options_;
  std::shared_ptr<SomeSecrets> materials_ = std::make_shared<SomeSecrets>();
};

TEST_F(RunPipeline, WarmsTenThousandEntriesAndThenFindsThemWarm) {
  RunSpec spec = ItemRun(10'000, Url(), redis_.address());
  spec.policy.verification_sample_percent = 5;
  const Report report = Start(spec)->Wait();
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  EXPECT_EQ(report.progress.tally.warmed, 10'000);
  EXPECT_EQ(report.progress.tally.verify_failed, 0);
  EXPECT_GT(report.progress.tally.verified, 300);
  EXPECT_EQ(redis_.Cli({"dbsize"}), "10000");
  EXPECT_EQ(redis_.Cli({"get", "item:77"}), "value of /item/77");
  const int ttl = std::atoi(redis_.Cli({"ttl", "item:77"}).c_str());
  EXPECT_GE(ttl, 3600 * 9 / 10 - 60);
  EXPECT_LE(ttl, 3600 * 11 / 10);

  const Report again = Start(spec)->Wait();
  EXPECT_EQ(again.progress.tally.skipped, 10'000);
  EXPECT_EQ(again.progress.tally.origin_requests, 0);
}

TEST_F(RunPipeline, ReadsASitemapAndFetchesItsPages) {
  nginx_.Put("sitemap.xml",
             "<?xml version=\"1.0\"?><urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">"
             "<url><loc>" +
                 nginx_.url("/item/a") +
                 "</loc></url>"
                 "<url><loc>" +
                 nginx_.url("/item/b") + "</loc></url></urlset>");
  RunSpec spec = ItemRun(1, nginx_.url("{+path}"), redis_.address());
  spec.policy.sources[0].pattern.reset();
  spec.policy.sources[0].http =
      api::HttpSource{nginx_.url("/sitemap.xml"), api::HttpSource::Format::kSitemap, "page:{path}"};
  const Report report = Start(spec)->Wait();
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  EXPECT_EQ(redis_.Cli({"get", "page:/item/b"}), "value of /item/b");
}

TEST_F(RunPipeline, GoesOnAfterRedisWasKilledAndCameBack) {
  RunSpec spec = ItemRun(3000, Url(), redis_.address());
  spec.policy.pacing = {1000, 50, 8};
  spec.policy.targets[0].write.mode = api::Write::Mode::kOverwrite;
  const auto run = Start(spec);
  ASSERT_TRUE(WaitFor([&] { return run->Snapshot().tally.warmed > 500; }));
  redis_.Kill();
  EXPECT_TRUE(WaitFor([&] { return run->Snapshot().waiting.has_value(); }));
  redis_.Start();
  const Report report = run->Wait();
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  EXPECT_EQ(report.progress.tally.warmed, 3000);
  EXPECT_EQ(report.progress.tally.failed, 0);
}

TEST_F(RunPipeline, SaysThatRedisIsFull) {
  (void)redis_.Cli({"config", "set", "maxmemory", "1"});
  const Report report = Start(ItemRun(1000, Url(), redis_.address()))->Wait();
  EXPECT_EQ(report.reason, "TargetOutOfMemory") << report.message;
  EXPECT_LT(report.duration, std::chrono::seconds(15));
}

TEST_F(RunPipeline, SaysThatRedisIsReadOnly) {
  (void)redis_.Cli({"replicaof", "127.0.0.1", "1"});
  const Report report = Start(ItemRun(1000, Url(), redis_.address()))->Wait();
  EXPECT_EQ(report.reason, "TargetReadOnly") << report.message;
}

TEST_F(RunPipeline, SaysThatThePasswordIsWrongAndNotWhichItWas) {
  (void)redis_.Cli({"config", "set", "requirepass", "right"});
  materials_->secrets["redis"] = {{"password", "wr0ng-secret"}};
  RunSpec spec = ItemRun(1000, Url(), redis_.address());
  spec.policy.targets[0].redis->credentials_secret_ref = "redis";
  const Report report = Start(spec)->Wait();
  EXPECT_EQ(report.reason, "TargetAuth") << report.message;
  EXPECT_EQ(ToJson(report).dump().find("wr0ng-secret"), std::string::npos);
}

TEST_F(RunPipeline, CountsPagesThatAreNotThere) {
  const Report report = Start(ItemRun(300, nginx_.url("/gone/{id}"), redis_.address()))->Wait();
  EXPECT_EQ(report.reason, "BelowMinimum");
  ASSERT_EQ(report.progress.failures.size(), 1U);
  EXPECT_EQ(report.progress.failures[0].reason, "HTTP404");
  EXPECT_EQ(report.progress.failures[0].count, 300);
}

TEST_F(RunPipeline, GuardedRunsDoNotDialLoopback) {
  options_.egress.guarded = true;
  RunSpec spec = ItemRun(100, Url(), redis_.address());
  spec.policy.execution.deadline = std::chrono::seconds(10);
  const Report report = Start(spec)->Wait();
  EXPECT_EQ(report.result, Report::Result::kFailed);
  EXPECT_EQ(nginx_.AccessLog(), "");
  EXPECT_LT(report.duration, std::chrono::seconds(9)) << report.message;
}

TEST_F(RunPipeline, ResumesElsewhereAfterBeingCancelledAtAnyPoint) {
  RunSpec spec = ItemRun(3000, Url(), redis_.address());
  spec.policy.execution.batch_size = 20;
  Checkpoint last;
  options_.on_checkpoint = [&](const Checkpoint& checkpoint) { last = checkpoint; };
  std::int64_t requests = 0;
  std::int64_t lost = 0;  // asked for, but not acknowledged by Redis when the run was cancelled
  for (const int after : {200, 700, 1800}) {
    const std::int64_t before =
        options_.resume ? options_.resume->data["tally"]["warmed"].get<std::int64_t>() : 0;
    const auto run = Start(spec);
    ASSERT_TRUE(WaitFor([&] { return run->Snapshot().tally.warmed >= after || run->Done(); }));
    run->Cancel("moved to another host");
    const Tally tally = run->Wait().progress.tally;
    requests += tally.origin_requests;
    lost += tally.origin_requests - (tally.warmed - before);
    options_.resume = last;
  }
  const Report report = Start(spec)->Wait();
  requests += report.progress.tally.origin_requests;
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  EXPECT_EQ(report.progress.tally.discovered, 3000);
  EXPECT_EQ(redis_.Cli({"dbsize"}), "3000");
  EXPECT_LE(requests, 3000 + lost);  // what was acknowledged is not fetched again
}

}  // namespace
}  // namespace stoker::warming
