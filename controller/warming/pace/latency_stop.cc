#include "controller/warming/pace/latency_stop.h"

#include <algorithm>
#include <numeric>

namespace stoker::warming {
namespace {

constexpr int kSmallestRing = 4;
constexpr int kMost = 256;  // remembered, and followed while they are out

}  // namespace

LatencyStop::LatencyStop(LatencyStopOptions options)
    : options_(options),
      fewest_(std::clamp(options.in_flight / 2, 2, 4)),
      ring_(static_cast<std::size_t>(std::clamp(options.in_flight, kSmallestRing, kMost))) {
  Forget();
}

void LatencyStop::Forget() {
  const std::lock_guard lock(mutex_);
  ++era_;
  held_ = next_ = 0;
  const auto places = static_cast<std::size_t>(std::clamp(options_.in_flight, 1, kMost));
  out_.assign(places, SteadyTime::max());
  free_.resize(places);
  std::iota(free_.begin(), free_.end(), 0);
}

LatencyStop::Request LatencyStop::Began(SteadyTime now) {
  if (options_.stop_above.count() == 0) return {};
  const std::lock_guard lock(mutex_);
  if (free_.empty()) return {era_, -1};
  const int place = free_.back();
  free_.pop_back();
  out_[static_cast<std::size_t>(place)] = now;
  return {era_, place};
}

void LatencyStop::Rests(Request request) { Since(request, SteadyTime::max()); }

void LatencyStop::GoesOn(SteadyTime now, Request request) { Since(request, now); }

void LatencyStop::Since(Request request, SteadyTime time) {
  if (options_.stop_above.count() == 0 || request.place < 0) return;
  const std::lock_guard lock(mutex_);
  if (request.era == era_) out_[static_cast<std::size_t>(request.place)] = time;
}

std::optional<LatencyStop::Slowness> LatencyStop::Finished(SteadyTime now, Request request,
                                                           std::chrono::microseconds latency) {
  if (options_.stop_above.count() == 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  if (request.era != era_) return std::nullopt;
  if (request.place >= 0) {
    out_[static_cast<std::size_t>(request.place)] = SteadyTime::max();
    free_.push_back(request.place);
  }
  ring_[next_] = {now, latency > options_.stop_above};
  next_ = (next_ + 1) % ring_.size();
  held_ = std::min(held_ + 1, ring_.size());
  return latency > options_.stop_above ? Judge(now) : std::nullopt;
}

std::optional<LatencyStop::Slowness> LatencyStop::Look(SteadyTime now) {
  if (options_.stop_above.count() == 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  return Judge(now);
}

std::optional<LatencyStop::Slowness> LatencyStop::Judge(SteadyTime now) const {
  Slowness last;
  const auto count = [&](bool slow) {
    ++last.of;
    if (slow) ++last.slow;
  };
  for (const SteadyTime since : out_) {
    if (since != SteadyTime::max() && now - since > options_.stop_above) count(true);
  }
  // The newest first: those that are out stand in for the oldest.
  for (std::size_t i = 1; i <= held_ && last.of < static_cast<int>(ring_.size()); ++i) {
    const Sample& sample = ring_[(next_ + ring_.size() - i) % ring_.size()];
    if (now - sample.at <= options_.window) count(sample.slow);
  }
  const bool stop = last.slow >= fewest_ && 2 * last.slow >= last.of;
  return stop ? std::optional(last) : std::nullopt;
}

}  // namespace stoker::warming
