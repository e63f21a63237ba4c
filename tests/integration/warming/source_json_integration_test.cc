// A list in JSON that a real server hands out, page by page.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/warming/run_bench.h"
#include "tests/support/nginx_server.h"
#include "tests/support/redis_server.h"

namespace stoker::warming {
namespace {

using stoker::testing::NginxServer;
using stoker::testing::RedisServer;
using testing::SomeSecrets;

TEST(JsonRun, FollowsLinkHeadersAndFetchesByMembersOfItems) {
  const NginxServer nginx(
      "location = /more { return 200 '[{\"id\": 3, \"slug\": \"c d\"}]'; }\n"
      "location = /list { add_header Link '</more>; rel=\"next\", </end>; rel=\"last\"'; "
      "return 200 '[{\"id\": 1, \"slug\": \"a\"}, {\"id\": 2, \"slug\": \"b\"}]'; }\n"
      "location /item/ { return 200 \"value of $request_uri\"; }");
  const RedisServer redis;
  RunSpec spec = testing::ItemRun(1, nginx.url("/item/{slug}"), redis.address());
  spec.policy.sources[0].pattern.reset();
  auto& http = spec.policy.sources[0].http.emplace();
  http.url = nginx.url("/list");
  http.format = api::HttpSource::Format::kJson;
  http.key_template = "product:{id}";
  http.paging.type = api::HttpPaging::Type::kLink;
  auto run = warming::Run::Create(spec, std::make_shared<SomeSecrets>(), {});
  ASSERT_TRUE(run) << run.error().message;
  (*run)->Start();
  const Report report = (*run)->Wait();
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  EXPECT_EQ(redis.Cli({"dbsize"}), "3");
  EXPECT_EQ(redis.Cli({"get", "product:3"}), "value of /item/c%20d");
  EXPECT_EQ(report.progress.tally.origin_requests, 5) << "pages take tokens too";
}

}  // namespace
}  // namespace stoker::warming
