#include "controller/warming/pace/latency_stop.h"

#include <algorithm>

namespace stoker::warming {
namespace {

constexpr int kFewest = 8;
constexpr int kMost = 256;

}  // namespace

LatencyStop::LatencyStop(LatencyStopOptions options)
    : options_(options),
      ring_(static_cast<std::size_t>(std::clamp(options.in_flight, kFewest, kMost))) {}

bool LatencyStop::Finished(SteadyTime now, std::chrono::microseconds latency) {
  if (options_.stop_above.count() == 0) return false;
  const std::lock_guard lock(mutex_);
  ring_[next_] = {now, latency > options_.stop_above};
  next_ = (next_ + 1) % ring_.size();
  held_ = std::min(held_ + 1, ring_.size());
  if (latency <= options_.stop_above) return false;
  std::size_t recent = 0, slow = 0;
  for (std::size_t i = 0; i < held_; ++i) {
    if (now - ring_[i].at > options_.window) continue;
    ++recent;
    if (ring_[i].slow) ++slow;
  }
  if (slow < kFewest / 2 || 2 * slow < recent) return false;
  held_ = next_ = 0;
  return true;
}

}  // namespace stoker::warming
