// How fast a whole run warms, and what an entry costs in CPU.
//
//   bench_run [entries=100000] [in_flight=64] [loops=1] [wire|pipeline]
//
// wire: from an nginx (1 KiB answers) into a redis-server, both its own. pipeline: from an origin
// that answers at once into memory, which is what the engine itself costs. CPU is this process's
// only.

#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "controller/warming/run/parts.h"
#include "controller/warming/target/memory_target.h"
#include "tests/support/nginx_server.h"
#include "tests/support/redis_server.h"

namespace {

using namespace stoker;           // NOLINT
using namespace stoker::warming;  // NOLINT

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

class NoMaterials final : public Materials {
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

class InstantOrigin final : public Origin {
 public:
  asio::awaitable<FetchResult> Fetch(const std::string&, SteadyTime,
                                     const std::function<asio::awaitable<Status>()>&) override {
    co_return Fetched{std::string(1024, 'v'), "text/plain", 1024};
  }
  void Cancel() override {}
};

RunSpec Spec(long entries, int in_flight, const std::string& url, const std::string& redis) {
  RunSpec spec;
  spec.id = "bench";
  spec.plan_hash = "bench";
  api::PatternVariable id;
  id.name = "id";
  id.from = 1;
  id.to = entries;
  api::Source source;
  source.name = "items";
  source.pattern = api::PatternSource{"item:{id}", {id}};
  api::Origin origin;
  origin.name = "origin";
  origin.http.url = url;
  api::Target target;
  target.name = "cache";
  target.redis.address = redis;
  target.in_memory = redis.empty();
  target.write.ttl = std::chrono::hours(1);
  spec.policy.sources = {source};
  spec.policy.origins = {origin};
  spec.policy.targets = {target};
  spec.policy.pacing = {1'000'000'000, 1'000'000'000, in_flight};
  spec.policy.execution.deadline = std::chrono::minutes(5);
  return spec;
}

int Measure(Run& run) {
  const double cpu = CpuSeconds();
  run.Start();
  const Report report = run.Wait();
  const double used = CpuSeconds() - cpu;
  const auto warmed = static_cast<double>(report.progress.tally.warmed);
  const double seconds = std::chrono::duration<double>(report.duration).count();
  std::printf("%s: %.0f warmed, %.0f/s, %.2f us CPU each\n", report.reason.c_str(), warmed,
              warmed / seconds, used * 1e6 / warmed);
  return report.result == Report::Result::kSucceeded ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const long entries = argc > 1 ? std::atol(argv[1]) : 100'000;
  const int in_flight = argc > 2 ? std::atoi(argv[2]) : 64;
  const int loops = argc > 3 ? std::atoi(argv[3]) : 1;
  const bool wire = argc <= 4 || std::string(argv[4]) == "wire";
  LoopPool pool(loops);
  const NoMaterials materials;
  if (!wire) {
    const RunSpec spec = Spec(entries, in_flight, "http://origin.test/{id}", "");
    auto parts = MakeRunParts(spec, materials, {});
    parts->origin = [](asio::io_context&) { return std::make_unique<InstantOrigin>(); };
    parts->pool = &pool;
    return Measure(**CreateRun(spec, std::make_shared<NoMaterials>(), {}, std::move(*parts)));
  }
  testing::NginxServer nginx("location / { return 200 \"" + std::string(1024, 'v') + "\"; }", "",
                             "access_log off;");
  testing::RedisServer redis;
  const RunSpec spec = Spec(entries, in_flight, nginx.url("/{id}"), redis.address());
  auto parts = MakeRunParts(spec, materials, {});
  parts->pool = &pool;
  return Measure(**CreateRun(spec, std::make_shared<NoMaterials>(), {}, std::move(*parts)));
}
