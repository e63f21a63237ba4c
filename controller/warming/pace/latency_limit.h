#pragma once

// How many requests an origin bears at once without anybody noticing: found by measuring, and found
// again when it changes.
//
// What a warmer does to an origin's users is to make them queue. So the limit is held where our own
// presence adds at most `tolerance` to the mean latency, and that is measured against ourselves: every
// few windows one window runs at half the limit, and its mean is the baseline. If half the load gives
// the same latency, nobody queues because of us. A baseline taken once, at the start, would mistake a
// slow afternoon for our doing, and a good night for a slow one.
//
//   mean of a window <= baseline * (1 + 0.6 * tolerance)   the limit grows by a fifth
//   mean of a window >  baseline * (1 + tolerance)         it shrinks by 8 %
//   mean of the last 16 > 1.6 * baseline, or > slow_above  it is halved at once
//
// Windows grow with the limit, so that noise (lognormal service times have 50 % of spread) stays below
// the tolerance. The mean and not a high percentile, for it needs the fewest samples; outliers count at
// most five baselines.
//
// Without a tolerance only `slow_above` counts: the limit begins at its most, is halved while the mean is
// above, and grows back below it.
//
// Sources: the control by measured queueing is TCP Vegas' (Brakmo and Peterson, 1995) as Netflix'
// concurrency-limits took it to servers; looking at the path with less of one's own load is BBR's
// ProbeRTT (Cardwell et al., 2016), here with half of it so that throughput hardly suffers. The numbers
// come from the simulation in tests/unit/warming/pace_latency_limit_test.cc: 16 slots, lognormal service
// (sigma 0.5), 50 % foreground: foreground p99 at most 1.1 times idle, time to warm 1.1-1.5 times that of
// the best fixed limit which does the same.
//
// Thread safety: any thread. limit() is one atomic load; Finished() two atomic additions, and a lock once
// a window.

#include <atomic>
#include <cstdint>
#include <mutex>

#include "controller/base/clock.h"
#include "controller/base/duration.h"

namespace stoker::warming {

struct LatencyLimitOptions {
  int max = 1;             // never more than this (maxInFlight)
  double tolerance = 0.2;  // share of latency that our presence may add; 0: as much as it likes
  Millis slow_above{0};    // an absolute ceiling for the mean; 0: none
};

class LatencyLimit {
 public:
  LatencyLimit(LatencyLimitOptions options, SteadyTime start);

  // At most so many requests may be in flight; 1..max.
  [[nodiscard]] int limit() const { return limit_.load(std::memory_order_relaxed); }
  // A request ended after `latency`, well or badly.
  void Finished(SteadyTime now, std::chrono::microseconds latency);
  // Begins again from one request at a time, after an outage or an emergency stop.
  void Restart(SteadyTime now);
  // It was too high once, and has not been back at its most since.
  [[nodiscard]] bool held_back() const { return held_back_.load(std::memory_order_relaxed); }
  // Mean latency when it was last too high.
  [[nodiscard]] std::chrono::microseconds too_slow() const {
    return std::chrono::microseconds(too_slow_.load(std::memory_order_relaxed));
  }
  // Mean latency with half our load; 0 until it is known.
  [[nodiscard]] std::chrono::microseconds baseline() const {
    return std::chrono::microseconds(baseline_.load(std::memory_order_relaxed));
  }

 private:
  enum class Phase { kCalibrate, kBaseline, kTest };
  struct Window {
    std::atomic<std::int64_t> sum{0}, count{0};  // microseconds, samples
  };

  void Evaluate(SteadyTime now);
  void Judge(double mean);
  void Shrink(double factor, double mean);
  void Enter(Phase phase, SteadyTime now);
  [[nodiscard]] std::int64_t Wanted() const;

  const LatencyLimitOptions options_;
  std::atomic<int> limit_{1};
  std::atomic<bool> held_back_{false};
  std::atomic<std::int64_t> too_slow_{0};
  std::atomic<std::int64_t> baseline_{0};
  std::atomic<std::int64_t> to_skip_{0};  // samples of requests that began under the limit before
  std::atomic<std::int64_t> wanted_{0};   // samples of the window
  Window window_, recent_;
  std::mutex mutex_;  // what follows
  Phase phase_ = Phase::kCalibrate;
  double exact_ = 1;  // the limit, before it is rounded down
  bool fast_ = true;  // until the limit was first too high
  int tests_ = 0;     // windows since the last baseline
  std::atomic<SteadyTime::rep> window_start_{0};
};

}  // namespace stoker::warming
