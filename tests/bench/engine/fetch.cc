#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <cstdio>
#include <string>

#include "controller/warming/origin/http_client.h"
#include "tests/bench/engine/engine_bench.h"
#include "tests/support/nginx_server.h"

namespace stoker::bench {
namespace {

struct Fetching {
  warming::HttpClient& client;
  std::string base;
  long entries;
  int workers;
  long next = 0, fetched = 0, failed = 0;
};

asio::awaitable<void> FetchSome(Fetching& work) {
  while (work.next < work.entries) {
    const std::string url = work.base + std::to_string(work.next++);
    const warming::FetchResult got = co_await work.client.Fetch(
        url, std::chrono::steady_clock::now() + std::chrono::seconds(5), nullptr);
    if (!got && work.failed == 0) std::fprintf(stderr, "%s\n", got.error().message.c_str());
    ++(got ? work.fetched : work.failed);
  }
  if (--work.workers == 0) work.client.Cancel();
}

}  // namespace

int MeasureFetch(const Options& options) {
  const testing::NginxServer nginx(
      "location / { return 200 \"" + std::string(options.value_bytes, 'v') + "\"; }", "",
      "access_log off;");
  const auto guard =
      std::make_shared<const warming::EgressGuard>(*warming::EgressGuard::Make(false, {}, {}));
  asio::io_context loop(1);
  const Stopwatch watch;
  warming::HttpClient client(loop, guard, {});
  Fetching work{client, nginx.url("/"), options.entries, options.in_flight};
  for (int i = 0; i < options.in_flight; ++i) {
    asio::co_spawn(loop, FetchSome(work), asio::detached);
  }
  loop.run();
  return watch.Print(work.fetched, work.failed);
}

}  // namespace stoker::bench
