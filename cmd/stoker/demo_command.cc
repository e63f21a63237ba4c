#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "cmd/common/materials.h"
#include "cmd/stoker/command.h"
#include "cmd/stoker/demo_origin.h"
#include "cmd/stoker/run_loop.h"
#include "controller/api/manifest.h"
#include "controller/warming/run/parts.h"
#include "controller/warming/target/memory_target.h"

namespace stoker::cli {
namespace {

constexpr char kDemo[] = "demo";
constexpr int kEntries = 10'000;
constexpr int kColdReads = 40;
constexpr int kWarmReads = 1'000;
constexpr auto kOriginDelay = std::chrono::milliseconds(8);
constexpr auto kLineEvery = std::chrono::milliseconds(1000);

// The manifest that a cluster would take, but for the Redis, whose part this process plays.
std::string PolicyText(const std::string& origin_url) {
  return fmt::format(R"(apiVersion: stoker.dev/v1alpha1
kind: WarmingPolicy
metadata: {{name: demo}}
spec:
  sources:
  - name: catalogue
    pattern:
      template: "product:{{id}}"
      variables: [{{name: id, from: 1, to: {}}}]
  origins:
  - name: api
    http: {{url: "{}/{{key}}"}}
  targets:
  - name: cache
    redis: {{address: "memory:6379"}}
    write: {{ttl: 1h, ttlJitterPercent: 10}}
  pacing: {{requestsPerSecond: 1500, burst: 30, maxInFlight: 30}}
)",
                     kEntries, origin_url);
}

Result<warming::RunSpec> DemoSpec(const std::string& origin_url) {
  STOKER_TRY(auto documents, api::ParseDocuments(PolicyText(origin_url)));
  const auto errors = api::DefaultAndValidate(documents.at(0));
  if (!errors.empty()) return api::ToError(documents.at(0), errors);
  STOKER_TRY(const api::WarmingPolicy policy, api::ToWarmingPolicy(documents.at(0)));
  return warming::RunSpec{.id = kDemo, .plan_hash = kDemo, .policy = policy.spec, .shard = {}};
}

struct ReadFigures {
  int hits = 0;
  int misses = 0;
  std::chrono::nanoseconds median{0};
  std::chrono::nanoseconds slowest{0};
};

// An application that looks into the cache and asks the origin for what is not there.
Result<ReadFigures> ReadThrough(const warming::MemoryStore& cache, DemoClient& origin, int reads) {
  std::mt19937 random(7);  // NOLINT: the same demo every time
  std::uniform_int_distribution<int> any(1, kEntries);
  ReadFigures figures;
  std::vector<std::chrono::nanoseconds> times;
  for (int i = 0; i < reads; ++i) {
    const std::string key = fmt::format("product:{}", any(random));
    const auto start = std::chrono::steady_clock::now();
    if (cache.Get(key)) {
      ++figures.hits;
    } else {
      STOKER_CHECK(origin.Get("/" + key));
      ++figures.misses;
    }
    times.emplace_back(std::chrono::steady_clock::now() - start);
  }
  std::ranges::sort(times);
  figures.median = times[times.size() / 2];
  figures.slowest = times.back();
  return figures;
}

// "8.1 ms", or "0.4 us" where milliseconds would all be 0.
std::string FineTime(std::chrono::nanoseconds time) {
  const auto micros = static_cast<double>(time.count()) / 1000;
  return micros < 1000 ? fmt::format("{:.1f} us", micros) : fmt::format("{:.1f} ms", micros / 1000);
}

void Say(Environment& environment, const char* when, const ReadFigures& figures) {
  environment.out << fmt::format(
                         "{}: {} reads, {} hits, {} misses; half within {}, all within {}\n", when,
                         Grouped(figures.hits + figures.misses), Grouped(figures.hits),
                         Grouped(figures.misses), FineTime(figures.median),
                         FineTime(figures.slowest))
                  << std::flush;
}

Result<std::unique_ptr<warming::Run>> MakeDemoRun(
    const std::string& origin_url, const std::shared_ptr<warming::MemoryStore>& cache) {
  STOKER_TRY(const warming::RunSpec spec, DemoSpec(origin_url));
  auto materials = std::make_shared<cmd::GivenMaterials>();
  const warming::RunOptions options;
  STOKER_TRY(warming::RunParts parts, warming::MakeRunParts(spec, *materials, options));
  parts.targets = {
      [cache](asio::io_context& loop) { return warming::MakeMemoryTarget(loop, cache); }};
  return warming::CreateRun(spec, std::move(materials), options, std::move(parts));
}

Status ShowDemo(Environment& environment) {
  std::ostream& out = environment.out;
  cmd::Signals signals;
  DemoOrigin origin(kOriginDelay);
  STOKER_CHECK(origin.Start());
  const auto cache = std::make_shared<warming::MemoryStore>();
  out << fmt::format(
             "An origin that needs {} ms for an answer, and an empty cache, both in this "
             "process.\n\n",
             kOriginDelay.count())
      << std::flush;
  DemoClient client(origin.port());
  STOKER_TRY(const ReadFigures cold, ReadThrough(*cache, client, kColdReads));
  Say(environment, "Cold", cold);

  out << fmt::format("\nWarming {} entries, gently: at most 1,500 requests a second, 30 at once.\n",
                     Grouped(kEntries))
      << std::flush;
  STOKER_TRY(const auto run, MakeDemoRun(origin.url(), cache));
  const auto kind = environment.terminal ? DisplayKind::kBar : DisplayKind::kLines;
  const auto display = MakeRunDisplay(kind, kDemo, out, environment.err, kLineEvery);
  const RunEnd end = DriveRun(*run, *display, signals, {.tick = [] {}, .abandon = [] {}});
  environment.exit_code = ExitCode(end);
  if (environment.exit_code != kExitSuccess) return {};

  const std::int64_t before = origin.requests();
  STOKER_TRY(const ReadFigures warm, ReadThrough(*cache, client, kWarmReads));
  out << "\n";
  Say(environment, "Warm", warm);
  out << fmt::format("The origin noticed {} of them.\n", origin.requests() - before);
  if (warm.misses > 0) environment.exit_code = kExitFailed;
  out << "\nWhere to go next:\n"
         "  stoker plan -f policy.yaml     what a policy of yours would do\n"
         "  stoker run -f policy.yaml      do it, from here into your Redis\n"
         "  kubectl apply -f policy.yaml   the same file, on a cluster with Stoker\n"
         "  stoker --help                  everything else\n"
      << std::flush;
  return {};
}

}  // namespace

void AddDemoCommand(CLI::App& app, Environment& environment) {
  CLI::App* command = app.add_subcommand(
      kDemo, "See a cold cache become warm, in ten seconds, with nothing installed");
  command->footer(
      "Opens one port on the loopback address; nothing leaves this machine and nothing is left on "
      "it.");
  command->callback([&environment] {
    if (const Status shown = ShowDemo(environment); !shown) {
      environment.err << "stoker: demo: " << shown.error().message << "\n";
      environment.exit_code = kExitFailed;
    }
  });
}

}  // namespace stoker::cli
