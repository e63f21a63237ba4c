#include "controller/warming/pace/latency_limit.h"

#include <algorithm>
#include <cmath>

namespace stoker::warming {
namespace {

constexpr std::int64_t kCalibrationSamples = 32;
constexpr std::int64_t kRecentSamples = 16;
constexpr std::int64_t kFewestSamples = 4;  // of a window that time ended
constexpr std::chrono::seconds kLongestWindow{2};
constexpr int kTestsPerBaseline = 12;
constexpr double kShock = 1.6;
constexpr double kOutlier = 5;
constexpr double kBaselineWeight = 0.35;
constexpr double kGrow = 0.2, kShrink = 0.92;
constexpr double kGrowShare = 0.6;  // of the tolerance: below it there is room

}  // namespace

LatencyLimit::LatencyLimit(LatencyLimitOptions options, SteadyTime start) : options_(options) {
  const std::lock_guard lock(mutex_);
  const bool measures = options_.tolerance > 0;
  if (!measures) {
    exact_ = options_.max;
    fast_ = false;
  }
  Enter(measures ? Phase::kCalibrate : Phase::kTest, start);
}

void LatencyLimit::Restart(SteadyTime now) {
  const std::lock_guard lock(mutex_);
  exact_ = 1;
  fast_ = true;
  baseline_.store(0, std::memory_order_relaxed);
  held_back_.store(options_.max > 1, std::memory_order_relaxed);
  Enter(options_.tolerance > 0 ? Phase::kCalibrate : Phase::kTest, now);
}

void LatencyLimit::Finished(SteadyTime now, std::chrono::microseconds latency) {
  if (to_skip_.load(std::memory_order_relaxed) > 0 &&
      to_skip_.fetch_sub(1, std::memory_order_relaxed) > 0) {
    return;
  }
  const std::int64_t baseline = baseline_.load(std::memory_order_relaxed);
  const auto outlier = static_cast<std::int64_t>(kOutlier * static_cast<double>(baseline));
  const std::int64_t sample = baseline > 0 ? std::min(latency.count(), outlier) : latency.count();
  recent_.sum.fetch_add(sample, std::memory_order_relaxed);
  window_.sum.fetch_add(sample, std::memory_order_relaxed);
  const std::int64_t recent = recent_.count.fetch_add(1, std::memory_order_relaxed) + 1;
  const std::int64_t count = window_.count.fetch_add(1, std::memory_order_relaxed) + 1;
  const SteadyTime start{SteadyTime::duration(window_start_.load(std::memory_order_relaxed))};
  const bool long_enough = count >= kFewestSamples && now - start >= kLongestWindow;
  if (count >= wanted_.load(std::memory_order_relaxed) || recent >= kRecentSamples || long_enough)
    Evaluate(now);
}

void LatencyLimit::Evaluate(SteadyTime now) {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return;  // another thread is at it
  const double baseline = static_cast<double>(baseline_.load(std::memory_order_relaxed));
  if (const std::int64_t recent = recent_.count.load(); recent >= kRecentSamples) {
    const double mean = static_cast<double>(recent_.sum.exchange(0)) / static_cast<double>(recent);
    recent_.count.store(0);
    const double ceiling = 1000.0 * static_cast<double>(options_.slow_above.count());
    const bool shock = phase_ == Phase::kTest && baseline > 0 && mean > kShock * baseline;
    if (phase_ != Phase::kCalibrate && exact_ > 1 && (shock || (ceiling > 0 && mean > ceiling))) {
      Shrink(0.5, mean);
      Enter(Phase::kTest, now);
      return;
    }
  }
  const std::int64_t count = window_.count.load();
  const SteadyTime start{SteadyTime::duration(window_start_.load())};
  const bool timed_out = count >= kFewestSamples && now - start >= kLongestWindow;
  if (count < wanted_.load() && !timed_out) return;
  const double mean = static_cast<double>(window_.sum.load()) / static_cast<double>(count);
  switch (phase_) {
    case Phase::kCalibrate:
      baseline_.store(std::llround(mean));
      exact_ = std::min<double>(2, options_.max);
      tests_ = 0;
      return Enter(Phase::kTest, now);
    case Phase::kBaseline:
      baseline_.store(std::llround(baseline + (mean - baseline) * kBaselineWeight));
      tests_ = 0;
      return Enter(Phase::kTest, now);
    case Phase::kTest: {
      Judge(mean);
      const bool measure = options_.tolerance > 0 && ++tests_ >= kTestsPerBaseline;
      return Enter(measure ? Phase::kBaseline : Phase::kTest, now);
    }
  }
}

void LatencyLimit::Judge(double mean) {
  const double baseline = std::max(1.0, static_cast<double>(baseline_.load()));
  const double slower = options_.tolerance > 0 ? mean / baseline - 1 : 0;
  const double ceiling = 1000.0 * static_cast<double>(options_.slow_above.count());
  if (slower > options_.tolerance || (ceiling > 0 && mean > ceiling)) {
    Shrink(kShrink, mean);
  } else if (fast_ || slower <= kGrowShare * options_.tolerance) {
    exact_ += fast_ ? exact_ / 2 : std::max(0.5, exact_ * kGrow);
    exact_ = std::min<double>(exact_, options_.max);
    if (exact_ >= options_.max) held_back_.store(false, std::memory_order_relaxed);
  }
}

void LatencyLimit::Shrink(double factor, double mean) {
  exact_ = std::max(1.0, exact_ * factor);
  fast_ = false;
  too_slow_.store(std::llround(mean), std::memory_order_relaxed);
  held_back_.store(options_.max > 1, std::memory_order_relaxed);
}

void LatencyLimit::Enter(Phase phase, SteadyTime now) {
  phase_ = phase;
  const double share = phase == Phase::kBaseline ? 0.5 : 1.0;
  const int before = limit_.load(std::memory_order_relaxed);
  limit_.store(std::max(1, static_cast<int>(exact_ * share)), std::memory_order_relaxed);
  wanted_.store(Wanted(), std::memory_order_relaxed);
  window_.sum.store(0);
  window_.count.store(0);
  recent_.sum.store(0);
  recent_.count.store(0);
  window_start_.store(now.time_since_epoch().count());
  to_skip_.store(phase == Phase::kCalibrate ? 0 : before, std::memory_order_relaxed);
}

std::int64_t LatencyLimit::Wanted() const {
  if (phase_ == Phase::kCalibrate) return kCalibrationSamples;
  const std::int64_t limit = limit_.load(std::memory_order_relaxed);
  return fast_ ? std::max<std::int64_t>(16, 4 * limit) : std::max<std::int64_t>(48, 12 * limit);
}

}  // namespace stoker::warming
