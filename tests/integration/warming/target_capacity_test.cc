// A target that is nearly full: the run ends before anything hot is evicted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/warming/run_bench.h"
#include "tests/support/memcached_server.h"
#include "tests/support/nginx_server.h"
#include "tests/support/redis_cluster.h"
#include "tests/support/redis_server.h"

namespace stoker::warming {
namespace {

using stoker::testing::MemcachedServer;
using stoker::testing::NginxServer;
using stoker::testing::RedisCluster;
using stoker::testing::RedisServer;
using ::testing::HasSubstr;
using testing::RunToEnd;

constexpr std::int64_t kMany = 40'000;

std::int64_t Info(const RedisServer& server, const std::string& section, const std::string& name) {
  const std::string info = "\n" + server.Cli({"info", section});
  const auto at = info.find("\n" + name + ":");
  return at == std::string::npos ? -1 : std::stoll(info.substr(at + name.size() + 2));
}

// What was on its way when the run stopped may have been written, and not been acknowledged.
void ExpectWritten(std::int64_t written, std::int64_t warmed) {
  EXPECT_GE(written, warmed);
  EXPECT_LE(written, warmed + 128);
}

// An LRU cache with hot keys, which it would evict once it is full.
class NearlyFullRedis : public ::testing::Test {
 protected:
  NearlyFullRedis() {
    EXPECT_EQ(redis_.Cli({"debug", "populate", "20000", "hot", "1000"}), "OK");
    const auto used = static_cast<double>(Info(redis_, "memory", "used_memory"));
    // As if it had been filled to 85 % of its limit.
    const std::string limit = std::to_string(static_cast<long>(used / 0.85));
    EXPECT_EQ(redis_.Cli({"config", "set", "maxmemory", limit}), "OK");
  }
  RunSpec Spec(int percent, api::Capacity::OnExceed on_exceed) {
    RunSpec spec = testing::ItemRun(kMany, nginx_.url("/item/{id}"), redis_.address());
    spec.policy.targets[0].capacity = api::Capacity{percent, on_exceed};
    spec.policy.min_warmed_percent = 1;
    return spec;
  }
  void ExpectNothingEvicted(const Report& report) {
    EXPECT_EQ(Info(redis_, "stats", "evicted_keys"), 0);
    EXPECT_EQ(redis_.Cli({"exists", "hot:0", "hot:10000", "hot:19999"}), "3");
    ExpectWritten(std::stoll(redis_.Cli({"dbsize"})) - 20'000, report.progress.tally.warmed);
  }

  NginxServer nginx_{"location /item/ { return 200 \"" + std::string(1'000, 'v') + "\"; }"};
  RedisServer redis_{{"maxmemory-policy allkeys-lru", "enable-debug-command yes"}};
};

TEST_F(NearlyFullRedis, StopsAtOnceWhereTheLimitIsReachedAlready) {
  const Report report = RunToEnd(Spec(85, api::Capacity::OnExceed::kFail));
  EXPECT_EQ(report.result, Report::Result::kFailed);
  EXPECT_EQ(report.reason, "CapacityExceeded");
  EXPECT_THAT(report.message, HasSubstr("maxMemoryPercent is 85"));
  EXPECT_LT(report.progress.tally.warmed, 100);
  ExpectNothingEvicted(report);
}

TEST_F(NearlyFullRedis, WarmsUpToTheLimitAndNotBeyond) {
  const Report report = RunToEnd(Spec(92, api::Capacity::OnExceed::kStop));
  EXPECT_THAT(report.message, HasSubstr("maxMemoryPercent is 92"));
  EXPECT_GT(report.progress.tally.warmed, 500);
  EXPECT_LT(report.progress.tally.warmed, 4'000);
  const double used = static_cast<double>(Info(redis_, "memory", "used_memory")) /
                      static_cast<double>(Info(redis_, "memory", "maxmemory"));
  EXPECT_LT(used, 0.95);
  ExpectNothingEvicted(report);
}

TEST_F(NearlyFullRedis, WithoutTheGuardHotKeysAreEvicted) {
  RunSpec spec = Spec(85, api::Capacity::OnExceed::kStop);
  spec.policy.targets[0].capacity.reset();
  RunToEnd(spec);
  EXPECT_GT(Info(redis_, "stats", "evicted_keys"), 0);
}

// While its layout is looked for, a cluster must not pass for one without bounds.
TEST(FullCluster, IsMeasuredBeforeTheFirstWrite) {
  RedisCluster cluster;
  for (std::size_t n = 0; n < 6; ++n) {
    const auto used = static_cast<double>(Info(cluster.node(n), "memory", "used_memory"));
    const std::string limit = std::to_string(static_cast<long>(used / 0.9));
    ASSERT_EQ(cluster.node(n).Cli({"config", "set", "maxmemory", limit}), "OK");
  }
  const NginxServer nginx("location /item/ { return 200 \"" + std::string(1'000, 'v') + "\"; }");
  RunSpec spec = testing::ItemRun(kMany, nginx.url("/item/{id}"), cluster.address());
  spec.policy.targets[0].redis->mode = api::RedisTarget::Mode::kCluster;
  spec.policy.targets[0].capacity = api::Capacity{80, api::Capacity::OnExceed::kFail};
  const Report report = RunToEnd(spec);
  EXPECT_EQ(report.reason, "CapacityExceeded") << report.message;
  EXPECT_EQ(report.progress.tally.warmed, 0);
  EXPECT_LT(cluster.Keys(), 1);
}

TEST(FullMemcached, StopsBeforeItEvicts) {
  const MemcachedServer server({"-m", "16"});
  const NginxServer nginx("location /item/ { return 200 \"" + std::string(1'000, 'v') + "\"; }");
  RunSpec spec = testing::ItemRun(kMany, nginx.url("/item/{id}"), "unused:1");
  spec.policy.targets[0].redis.reset();
  spec.policy.targets[0].memcached = api::MemcachedTarget{{server.address()}};
  spec.policy.targets[0].capacity = api::Capacity{50, api::Capacity::OnExceed::kStop};
  const Report report = RunToEnd(spec);
  EXPECT_EQ(report.reason, "CapacityExceeded") << report.message;
  EXPECT_GT(report.progress.tally.warmed, 1'000);
  EXPECT_EQ(server.Stat("evictions"), "0");
  ExpectWritten(std::stoll(server.Stat("curr_items")), report.progress.tally.warmed);
}

}  // namespace
}  // namespace stoker::warming
