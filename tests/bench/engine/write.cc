#include <asio/co_spawn.hpp>
#include <cstdio>
#include <string>

#include "controller/warming/target/redis_target.h"
#include "tests/bench/engine/engine_bench.h"
#include "tests/support/redis_server.h"

namespace stoker::bench {
namespace {

struct WriteTally {
  long written = 0;
  long failed = 0;
};

SteadyTime InTenSeconds() { return std::chrono::steady_clock::now() + std::chrono::seconds(10); }

asio::awaitable<void> WriteAll(warming::Target& target, const Options& options, WriteTally& tally) {
  const auto opened = co_await target.Open(InTenSeconds());
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().message.c_str());
    tally.failed = options.entries;
    co_return;
  }
  const std::string value(options.value_bytes, 'v');
  for (long i = 0; i < options.entries; ++i) {
    co_await target.Writable();
    target.Write("product:" + std::to_string(i), value, Millis(3'600'000), true,
                 [&tally](const auto& outcome) { ++(outcome ? tally.written : tally.failed); });
  }
  while (tally.written + tally.failed < options.entries) {
    co_await target.Probe({"product:0"}, Millis(0), InTenSeconds());
  }
}

}  // namespace

int MeasureWrite(const Options& options) {
  const testing::RedisServer server;
  warming::RedisOptions redis;
  redis.endpoint = *warming::ParseHostPort(server.address());
  const auto guard =
      std::make_shared<const warming::EgressGuard>(*warming::EgressGuard::Make(false, {}, {}));
  asio::io_context loop(1);
  WriteTally tally;
  const Stopwatch watch;
  const auto target = warming::MakeRedisTarget(loop, guard, redis);
  asio::co_spawn(loop, WriteAll(*target, options, tally),
                 [&](const std::exception_ptr&) { target->Cancel(); });
  loop.run();
  return watch.Print(tally.written, tally.failed);
}

}  // namespace stoker::bench
