// Whole runs over more than one origin.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/warming/run_bench.h"
#include "tests/support/bad_origin.h"
#include "tests/support/nginx_server.h"
#include "tests/support/redis_server.h"

namespace stoker::warming {
namespace {

using stoker::testing::BadOrigin;
using stoker::testing::FreePort;
using stoker::testing::NginxServer;
using stoker::testing::RedisServer;
using testing::ItemRun;
using testing::RunToEnd;
using testing::SomeSecrets;

api::Origin HttpAt(const std::string& name, const std::string& url) {
  api::Origin origin;
  origin.name = name;
  origin.http.emplace().url = url;
  return origin;
}

TEST(RunOverOrigins, TheSecondHasWhatTheFirstDoesNot) {
  const NginxServer first("location ~ [02468]$ { return 200 first; } location / { return 404; }");
  const NginxServer second("location / { return 200 second; }");
  const RedisServer redis;
  RunSpec spec = ItemRun(200, first.url("/{id}"), redis.address());
  spec.policy.origins.push_back(HttpAt("second", second.url("/items/{key}")));
  const Report report = RunToEnd(spec);
  EXPECT_EQ(report.result, Report::Result::kSucceeded) << report.message;
  EXPECT_EQ(report.progress.tally.warmed, 200);
  EXPECT_EQ(redis.Cli({"get", "item:8"}), "first");
  EXPECT_EQ(redis.Cli({"get", "item:9"}), "second");
}

TEST(RunOverOrigins, OneThatIsDownIsAskedNowAndThenOnly) {
  const std::string nobody = "http://127.0.0.1:" + std::to_string(FreePort()) + "/{id}";
  const NginxServer second("location / { return 200 second; }");
  const RedisServer redis;
  RunSpec spec = ItemRun(500, nobody, redis.address());
  spec.policy.origins.push_back(HttpAt("second", second.url("/{id}")));
  const Report report = RunToEnd(spec);
  EXPECT_EQ(report.result, Report::Result::kSucceeded) << report.message;
  EXPECT_EQ(report.progress.tally.warmed, 500);
}

TEST(RunOverOrigins, OneThatFailsIsTriedAgainBeforeTheNextIsAsked) {
  const BadOrigin first({{"/1", [](BadOrigin::Peer& peer) {
                            return peer.Send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
                          }}});
  const NginxServer second("location / { return 200 second; }");
  const RedisServer redis;
  RunSpec spec = ItemRun(1, first.url("/{id}"), redis.address());
  spec.policy.origins.push_back(HttpAt("second", second.url("/{id}")));
  const Report report = RunToEnd(spec);
  EXPECT_EQ(report.progress.tally.warmed, 1) << report.message;
  EXPECT_EQ(first.requests(), 1 + spec.policy.retry.limit);
}

TEST(RunOverOrigins, WhatNobodyHasFailsAsNotFound) {
  const NginxServer first("location / { return 404; }");
  const NginxServer second("location / { return 410; }");
  const RedisServer redis;
  RunSpec spec = ItemRun(5, first.url("/{id}"), redis.address());
  spec.policy.origins.push_back(HttpAt("second", second.url("/{id}")));
  const Report report = RunToEnd(spec);
  EXPECT_EQ(report.progress.tally.failed, 5);
  ASSERT_EQ(report.progress.failures.size(), 1U);
  EXPECT_EQ(report.progress.failures[0].reason, "HTTP404");
}

}  // namespace
}  // namespace stoker::warming
