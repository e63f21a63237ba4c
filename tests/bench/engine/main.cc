// bench_engine write|fetch|pipeline|run [entries] [value bytes] [in flight] [loops]

#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/bench/engine/engine_bench.h"

namespace stoker::bench {
namespace {

double ProcessCpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

Stopwatch::Stopwatch() : start_(std::chrono::steady_clock::now()), cpu_(ProcessCpuSeconds()) {}

int Stopwatch::Print(long done, long failed) const {
  const double cpu = ProcessCpuSeconds() - cpu_;
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start_;
  const auto count = static_cast<double>(done + failed);
  std::printf("%ld done, %ld failed, %.0f/s, %.2f us CPU each\n", done, failed,
              count / wall.count(), cpu * 1e6 / count);
  return failed == 0 ? 0 : 1;
}

}  // namespace stoker::bench

int main(int argc, char** argv) {
  using stoker::bench::Options;
  Options options;
  if (argc > 2) options.entries = std::atol(argv[2]);
  if (argc > 3) options.value_bytes = static_cast<std::size_t>(std::atol(argv[3]));
  if (argc > 4) options.in_flight = std::atoi(argv[4]);
  if (argc > 5) options.loops = std::atoi(argv[5]);
  const struct {
    const char* name;
    int (*measure)(const Options&);
  } parts[] = {{"write", stoker::bench::MeasureWrite},
               {"fetch", stoker::bench::MeasureFetch},
               {"pipeline", stoker::bench::MeasurePipeline},
               {"run", stoker::bench::MeasureRun}};
  for (const auto& part : parts) {
    if (argc > 1 && std::strcmp(argv[1], part.name) == 0) return part.measure(options);
  }
  std::fprintf(
      stderr,
      "usage: bench_engine write|fetch|pipeline|run [entries] [value bytes] [in flight] [loops]\n");
  return 2;
}
