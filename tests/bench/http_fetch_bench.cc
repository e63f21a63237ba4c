// How fast values come from an HTTP origin into Redis, and what each costs in CPU.
//
//   bench_http_fetch [entries=200000] [concurrency=64]
//
// Starts an nginx (1 KiB answers) and a redis-server of its own. CPU is this process's only.

#include <sys/resource.h>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "controller/warming/origin/http_client.h"
#include "controller/warming/target/redis_target.h"
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

struct Work {
  HttpClient& client;
  Target& target;
  std::string base;
  long entries;
  long next = 0, fetched = 0, failed = 0, acknowledged = 0;
  int workers = 0;
};

asio::awaitable<void> Fetch(Work& work) {
  while (work.next < work.entries) {
    const std::string key = std::to_string(work.next++);
    const std::string url = work.base + key;
    FetchResult got = co_await work.client.Fetch(
        url, std::chrono::steady_clock::now() + std::chrono::seconds(5), nullptr);
    if (!got) {
      if (work.failed++ == 0) std::fprintf(stderr, "%s\n", got.error().message.c_str());
      continue;
    }
    ++work.fetched;
    co_await work.target.Writable();
    work.target.Write(key, got->body, Millis(3'600'000), true,
                      [&work](auto) { ++work.acknowledged; });
  }
  if (--work.workers > 0) co_return;
  while (work.acknowledged < work.fetched) {
    co_await work.target.Probe({"0"}, std::chrono::steady_clock::now() + std::chrono::seconds(10));
  }
  work.client.Cancel();
  work.target.Cancel();
}

}  // namespace

int main(int argc, char** argv) {
  const long entries = argc > 1 ? std::atol(argv[1]) : 200'000;
  const int concurrency = argc > 2 ? std::atoi(argv[2]) : 64;
  testing::NginxServer nginx("location / { return 200 \"" + std::string(1024, 'v') + "\"; }", "",
                             "access_log off;");
  testing::RedisServer redis;
  const auto guard = std::make_shared<const EgressGuard>(*EgressGuard::Make(false, {}, {}));
  RedisOptions options;
  options.endpoint = *ParseHostPort(redis.address());
  asio::io_context loop(1);
  const double cpu = CpuSeconds();
  const auto start = std::chrono::steady_clock::now();
  HttpClient client(loop, guard, {});
  const auto target = MakeRedisTarget(loop, guard, options);
  Work work{client, *target, nginx.url("/"), entries};
  work.workers = concurrency;
  for (int i = 0; i < concurrency; ++i) asio::co_spawn(loop, Fetch(work), asio::detached);
  loop.run();
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double used = CpuSeconds() - cpu;
  std::printf("%ld fetched, %ld failed, %.0f/s, %.2f us CPU each\n", work.fetched, work.failed,
              static_cast<double>(entries) / seconds, used * 1e6 / static_cast<double>(entries));
  return work.failed == 0 ? 0 : 1;
}
