#include <cstdio>
#include <string>

#include "controller/warming/run/parts.h"
#include "tests/bench/engine/engine_bench.h"
#include "tests/support/nginx_server.h"
#include "tests/support/redis_server.h"

namespace stoker::bench {
namespace {

using warming::Report;
using warming::RunSpec;

class NoMaterials final : public warming::Materials {
 public:
  [[nodiscard]] Result<std::map<std::string, std::string>> Secret(
      const std::string& name) const override {
    return NotFound("Secret \"" + name + "\" does not exist");
  }
  [[nodiscard]] Result<std::map<std::string, std::string>> ConfigMap(
      const std::string& name) const override {
    return NotFound("ConfigMap \"" + name + "\" does not exist");
  }
};

class InstantOrigin final : public warming::Origin {
 public:
  explicit InstantOrigin(std::size_t bytes) : value_(bytes, 'v') {}
  asio::awaitable<warming::FetchResult> Fetch(warming::Question&, const warming::Leave&) override {
    co_return warming::Fetched{value_, "text/plain", value_.size()};
  }
  void Cancel() override {}

 private:
  const std::string value_;
};

// An empty `redis` means memory.
RunSpec MakeSpec(const Options& options, const std::string& url, const std::string& redis) {
  RunSpec spec;
  spec.id = spec.plan_hash = "bench";
  api::PatternVariable id;
  id.name = "id";
  id.from = 1;
  id.to = options.entries;
  api::Source source;
  source.name = "items";
  source.pattern.emplace();
  source.pattern->template_ = "item:{id}";
  source.pattern->variables = {id};
  api::Origin origin;
  origin.name = "origin";
  origin.http.emplace().url = url;
  api::Target target;
  target.name = "cache";
  target.redis.emplace().address = redis;
  target.in_memory = redis.empty();
  target.write.ttl = std::chrono::hours(1);
  spec.policy.sources = {source};
  spec.policy.origins = {origin};
  spec.policy.targets = {target};
  spec.policy.pacing.requests_per_second = spec.policy.pacing.burst = 1'000'000'000;
  spec.policy.pacing.max_in_flight = options.in_flight;
  spec.policy.execution.deadline = std::chrono::minutes(5);
  return spec;
}

int Measure(const RunSpec& spec, warming::RunParts parts) {
  const auto run = warming::CreateRun(spec, std::make_shared<NoMaterials>(), {}, std::move(parts));
  if (!run) {
    std::fprintf(stderr, "%s\n", run.error().message.c_str());
    return 1;
  }
  const Stopwatch watch;
  (*run)->Start();
  const Report report = (*run)->Wait();
  if (report.result != Report::Result::kSucceeded)
    std::fprintf(stderr, "%s\n", report.message.c_str());
  const auto& tally = report.progress.tally;
  return watch.Print(tally.warmed, tally.discovered - tally.warmed);
}

}  // namespace

int MeasurePipeline(const Options& options) {
  const RunSpec spec = MakeSpec(options, "http://origin.test/{id}", "");
  warming::LoopPool pool(options.loops);
  auto parts = warming::MakeRunParts(spec, NoMaterials(), {});
  if (!parts) return 1;
  parts->origin = [bytes = options.value_bytes](asio::io_context&) {
    return std::make_unique<InstantOrigin>(bytes);
  };
  parts->pool = &pool;
  return Measure(spec, std::move(*parts));
}

int MeasureRun(const Options& options) {
  const testing::NginxServer nginx(
      "location / { return 200 \"" + std::string(options.value_bytes, 'v') + "\"; }", "",
      "access_log off;");
  const testing::RedisServer redis;
  const RunSpec spec = MakeSpec(options, nginx.url("/{id}"), redis.address());
  warming::LoopPool pool(options.loops);
  auto parts = warming::MakeRunParts(spec, NoMaterials(), {});
  if (!parts) return 1;
  parts->pool = &pool;
  return Measure(spec, std::move(*parts));
}

}  // namespace stoker::bench
