// Whole runs through HTTP caches: real nginx and real Varnish.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/warming/origin/through_caches.h"
#include "tests/integration/warming/run_bench.h"
#include "tests/support/loop_runner.h"
#include "tests/support/name_server.h"
#include "tests/support/nginx_server.h"
#include "tests/support/varnish_server.h"

namespace stoker::warming {
namespace {

using stoker::testing::NameServer;
using stoker::testing::NginxServer;
using stoker::testing::TempDir;
using stoker::testing::VarnishServer;
using ::testing::HasSubstr;
using testing::ItemRun;
using testing::RunToEnd;
using testing::SomeSecrets;

// An nginx that caches what another server answers.
struct NginxCacheServer {
  explicit NginxCacheServer(const std::string& origin, const std::string& lines = {},
                            const std::string& host = "127.0.0.1", int port = 0)
      : nginx("location / { proxy_pass " + origin +
                  "; proxy_cache all; proxy_cache_valid 200 1h; "
                  "proxy_cache_key $http_host$request_uri$http_x_device; "
                  "add_header X-Cache-Status $upstream_cache_status; " +
                  lines + "}",
              "", "", "proxy_cache_path " + dir.path() + "/cache keys_zone=all:4m;", host, port) {}
  TempDir dir;
  NginxServer nginx;
};

std::int64_t LinesOf(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

class RunThroughCache : public ::testing::Test {
 protected:
  RunSpec Spec(const std::string& url, int count = 300) {
    RunSpec spec = ItemRun(count, "", "");
    spec.policy.origins.clear();
    api::Target& target = spec.policy.targets[0];
    target.redis.reset();
    target.write = {};
    target.http.emplace().url = url;
    return spec;
  }
  static Report Warm(const RunSpec& spec) { return RunToEnd(spec); }

  const NginxServer origin_{
      "location /items/ { add_header X-Vary v; return 200 \"value of $uri\"; }"
      "location /private/ { add_header Cache-Control private; return 200 x; }"
      "location /none/ { return 404; }"};
};

TEST_F(RunThroughCache, AColdNginxIsWarmAfterwardsAndAWarmOneIsSkipped) {
  const NginxCacheServer cache("http://" + origin_.address());
  const RunSpec spec = Spec(cache.nginx.url("/items/{id}"));
  const Report first = Warm(spec);
  EXPECT_EQ(first.result, Report::Result::kSucceeded) << first.message;
  EXPECT_EQ(first.progress.tally.warmed, 300);
  EXPECT_EQ(first.progress.tally.origin_requests, 600);  // a miss and a hit each
  ASSERT_TRUE(stoker::testing::WaitFor([&] { return LinesOf(origin_.AccessLog()) == 300; }));
  const Report second = Warm(spec);
  EXPECT_EQ(second.progress.tally.warmed, 0);
  EXPECT_EQ(second.progress.tally.skipped, 300);
  EXPECT_EQ(second.progress.tally.origin_requests, 300);
  EXPECT_EQ(LinesOf(origin_.AccessLog()), 300);
}

TEST_F(RunThroughCache, EveryVariantIsWarmed) {
  const NginxCacheServer cache("http://" + origin_.address());
  RunSpec spec = Spec(cache.nginx.url("/items/{id}"), 50);
  spec.policy.targets[0].http->variants = {
      {"plain", {}}, {"mobile", {{"X-Device", "mobile"}}}, {"tablet", {{"X-Device", "tablet"}}}};
  EXPECT_EQ(Warm(spec).progress.tally.warmed, 50);
  ASSERT_TRUE(stoker::testing::WaitFor([&] { return LinesOf(origin_.AccessLog()) == 150; }));
  spec.policy.targets[0].http->variants.resize(2);
  EXPECT_EQ(Warm(spec).progress.tally.skipped, 50);
}

TEST_F(RunThroughCache, WhatIsNotStoredOrNotThereFails) {
  const NginxCacheServer cache("http://" + origin_.address());
  const struct {
    std::string path, reason;
    std::int64_t requests;
  } cases[] = {{"/private/{id}", "NotCached", 4}, {"/none/{id}", "HTTP404", 1}};
  for (const auto& c : cases) {
    const Report report = Warm(Spec(cache.nginx.url(c.path), 1));
    ASSERT_EQ(report.progress.failures.size(), 1U) << c.path;
    EXPECT_EQ(report.progress.failures[0].reason, c.reason);
    EXPECT_EQ(report.progress.tally.origin_requests, c.requests);
  }
  const Report silent = Warm(Spec(origin_.url("/items/{id}"), 1));  // no cache at all
  ASSERT_EQ(silent.progress.failures.size(), 1U);
  EXPECT_EQ(silent.progress.failures[0].reason, "NoCacheStatus");
}

TEST_F(RunThroughCache, VarnishTellsByItsOwnHeader) {
  const VarnishServer varnish(origin_.address());
  const RunSpec spec = Spec(varnish.url("/items/{id}"), 200);
  const Report first = Warm(spec);
  EXPECT_EQ(first.progress.tally.warmed, 200) << first.message;
  EXPECT_EQ(Warm(spec).progress.tally.skipped, 200);
  EXPECT_EQ(LinesOf(origin_.AccessLog()), 200);
}

TEST_F(RunThroughCache, SeveralCachesAreCountedEach) {
  const NginxCacheServer cache("http://" + origin_.address());
  const VarnishServer varnish(origin_.address());
  EXPECT_EQ(Warm(Spec(varnish.url("/items/{id}"), 20)).progress.tally.warmed, 20);
  RunSpec spec = Spec(varnish.url("/items/{id}"), 50);
  spec.policy.targets.push_back(spec.policy.targets[0]);
  spec.policy.targets[1].name = "nginx";
  spec.policy.targets[1].http->url = cache.nginx.url("/items/{id}");
  const Report report = Warm(spec);
  EXPECT_EQ(report.progress.tally.warmed, 50);
  ASSERT_EQ(report.progress.targets.size(), 2U);
  EXPECT_EQ(report.progress.targets[0].warmed, 30);
  EXPECT_EQ(report.progress.targets[1].warmed, 50);
}

TEST_F(RunThroughCache, LargeBodiesAreReadPast) {
  const NginxServer origin("location / {}");
  const_cast<NginxServer&>(origin).Put("1", std::string(30 << 20, 'x'));
  const NginxCacheServer cache("http://" + origin.address());
  const Report report = Warm(Spec(cache.nginx.url("/{id}"), 1));
  EXPECT_EQ(report.progress.tally.warmed, 1) << report.message;
  EXPECT_GT(report.progress.tally.bytes, 60 << 20);
}

TEST_F(RunThroughCache, OtherTargetsOriginsAndValuesDoNotGoWithIt) {
  RunSpec spec = Spec(origin_.url("/items/{id}"));
  spec.policy.targets.push_back(spec.policy.targets[0]);
  spec.policy.targets[1].http.reset();
  spec.policy.targets[1].redis.emplace().address = "127.0.0.1:6379";
  const auto run = warming::Run::Create(spec, std::make_shared<SomeSecrets>(), {});
  ASSERT_FALSE(run);
  EXPECT_THAT(run.error().message, HasSubstr("split the policy"));
}

TEST_F(RunThroughCache, EveryAddressOfTheNameIsAskedUnderTheName) {
  const NginxCacheServer one("http://" + origin_.address());
  const int port = one.nginx.port();
  const NginxCacheServer two("http://" + origin_.address(), "", "127.0.0.2", port);
  NameServer names({"127.0.0.1", "127.0.0.2"});
  const std::string host = "cache.test:" + std::to_string(port);
  ThroughCacheOptions options;
  options.url =
      *Template::Parse("http://" + host + "/items/{key}", Template::Kind::kUrl, {{"key"}});
  options.all_endpoints = true;
  options.host = "cache.test";
  HttpClientOptions& client = options.variants.emplace_back();
  client.discard_bodies = true;
  client.keep_headers = options.status.headers();
  client.headers = {{"Host", host}};
  client.resolver.servers = names.address();
  asio::io_context loop;
  const auto guard = std::make_shared<const EgressGuard>(*EgressGuard::Make(false, {}, {}));
  ThroughCaches caches(loop, guard, {options});
  Question question;
  const auto fetch = [&](const char* key) {
    question.values = {key};
    return stoker::testing::RunOn(loop, caches.Fetch(question, nullptr));
  };
  const auto cold = fetch("7");
  ASSERT_TRUE(cold) << cold.error().message;
  EXPECT_EQ(*cold->held, 0);
  EXPECT_EQ(*fetch("7")->held, 1);
  const auto asked = [](const NginxServer& nginx) { return LinesOf(nginx.AccessLog()); };
  EXPECT_TRUE(
      stoker::testing::WaitFor([&] { return asked(one.nginx) == 3 && asked(two.nginx) == 3; }));
  EXPECT_TRUE(stoker::testing::WaitFor([&] { return asked(origin_) == 2; }));
}

}  // namespace
}  // namespace stoker::warming
