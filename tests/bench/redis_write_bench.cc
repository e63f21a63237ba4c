// How fast entries reach Redis, and what each costs in CPU.
//
//   bench_redis_write [entries=200000] [value bytes=1024] [host:port]
//
// Without an address it starts a redis-server of its own. CPU is this process's, servers' not
// counted.

#include <sys/resource.h>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include "controller/warming/target/redis_target.h"
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

struct Tally {
  long written = 0;
  long other = 0;
};

asio::awaitable<void> WriteAll(Target& target, long entries, std::size_t bytes, Tally& tally) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  auto opened = co_await target.Open(deadline);
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().message.c_str());
    co_return;
  }
  const std::string value(bytes, 'v');
  char key[32];
  for (long i = 0; i < entries; ++i) {
    co_await target.Writable();
    const int size = std::snprintf(key, sizeof(key), "product:%ld", i);
    target.Write({key, static_cast<std::size_t>(size)}, value, Millis(3'600'000), true,
                 [&tally](auto outcome) { ++(outcome ? tally.written : tally.other); });
  }
  while (tally.written + tally.other < entries) {
    co_await target.Probe({"product:0"},
                          std::chrono::steady_clock::now() + std::chrono::seconds(10));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const long entries = argc > 1 ? std::atol(argv[1]) : 200'000;
  const auto bytes = static_cast<std::size_t>(argc > 2 ? std::atol(argv[2]) : 1024);
  std::optional<testing::RedisServer> server;
  if (argc <= 3) server.emplace();
  RedisOptions options;
  options.endpoint = *ParseHostPort(server ? server->address() : argv[3], "6379");
  const auto guard = std::make_shared<const EgressGuard>(*EgressGuard::Make(false, {}, {}));
  asio::io_context loop(1);
  Tally tally;
  const double cpu = CpuSeconds();
  const auto start = std::chrono::steady_clock::now();
  {
    const auto target = MakeRedisTarget(loop, guard, options);
    asio::co_spawn(loop, WriteAll(*target, entries, bytes, tally),
                   [&](std::exception_ptr) { target->Cancel(); });
    loop.run();
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double used = CpuSeconds() - cpu;
  std::printf("%ld written, %ld failed, %.0f/s, %.2f us CPU each\n", tally.written, tally.other,
              static_cast<double>(entries) / seconds, used * 1e6 / static_cast<double>(entries));
  return tally.other == 0 ? 0 : 1;
}
