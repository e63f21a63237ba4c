#pragma once

// Where the time of a run goes: what each part of the engine costs by itself, in this process.
//
// bench.py measures programs as users run them; these are for the question that comes next. CPU is
// this process's only, servers' not counted.
//
// Thread safety: one thread; a part starts and ends its own servers and loops.

#include <chrono>
#include <cstddef>

namespace stoker::bench {

struct Options {
  long entries = 200'000;
  std::size_t value_bytes = 1024;
  int in_flight = 64;
  int loops = 1;
};

// From its construction to Print(): wall time and CPU.
class Stopwatch {
 public:
  Stopwatch();
  // "200000 done, 0 failed, 51000/s, 13.90 us CPU each"; returns the exit code.
  [[nodiscard]] int Print(long done, long failed) const;

 private:
  std::chrono::steady_clock::time_point start_;
  double cpu_;
};

// Each measures one part and returns an exit code.
int MeasureWrite(const Options& options);     // values at hand into a redis-server
int MeasureFetch(const Options& options);     // from an nginx, to be dropped
int MeasurePipeline(const Options& options);  // a run whose origin and target cost nothing
int MeasureRun(const Options& options);       // a run from an nginx into a redis-server

}  // namespace stoker::bench
