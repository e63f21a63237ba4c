#include "controller/warming/pace/memory_brake.h"

#include <fmt/format.h>

#include <algorithm>

namespace stoker::warming {
namespace {

constexpr double kBegins = 0.80, kOneAtATime = 0.95, kOver = 0.75;

}  // namespace

void MemoryBrake::Look(const MemoryUse& memory) {
  if (memory.limit <= 0) return;
  const double share = static_cast<double>(memory.used) / static_cast<double>(memory.limit);
  const double left = std::clamp((kOneAtATime - share) / (kOneAtATime - kBegins), 0.0, 1.0);
  limit_.store(std::max(1, static_cast<int>(left * most_)), std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  if (share < kOver) {
    reason_.clear();
  } else if (share > kBegins && reason_.empty()) {
    reason_ = fmt::format(
        "{} of {} MiB of memory are used, so fewer requests are out at a time; raise the memory "
        "limit (execution.workers.resources.limits.memory)",
        memory.used >> 20, memory.limit >> 20);
  }
}

std::string MemoryBrake::Reason() const {
  const std::lock_guard lock(mutex_);
  return reason_;
}

}  // namespace stoker::warming
