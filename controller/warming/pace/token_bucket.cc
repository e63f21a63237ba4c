#include "controller/warming/pace/token_bucket.h"

#include <algorithm>

namespace stoker::warming {
namespace {

using std::chrono::nanoseconds;
constexpr std::int64_t kSecond = 1'000'000'000;

}  // namespace

TokenBucket::TokenBucket(std::int64_t per_second, std::int64_t burst, SteadyTime start)
    : rate_(std::max<std::int64_t>(per_second, 1)),
      burst_(std::max<std::int64_t>(burst, 1)),
      start_(start) {}

// Split into whole seconds and the rest, so that no product leaves 64 bits (a rate below 9e9/s).
std::int64_t TokenBucket::Made(SteadyTime now) const {
  const std::int64_t elapsed = std::max<std::int64_t>(nanoseconds(now - start_).count(), 0);
  return elapsed / kSecond * rate_ + elapsed % kSecond * rate_ / kSecond;
}

SteadyTime TokenBucket::TimeOf(std::int64_t token) const {
  const std::int64_t rest = token % rate_;
  const std::int64_t ns = token / rate_ * kSecond + (rest * kSecond + rate_ - 1) / rate_;
  return start_ + nanoseconds(ns);
}

std::optional<SteadyTime> TokenBucket::Wait(SteadyTime now) const {
  if (const std::int64_t until = paused_until_ns_.load(std::memory_order_relaxed);
      until > nanoseconds(now - start_).count()) {
    return start_ + nanoseconds(until);
  }
  const std::int64_t made = Made(now);
  const std::int64_t from = std::max(used_.load(std::memory_order_relaxed), made - burst_);
  return from >= made ? std::optional(TimeOf(from + 1)) : std::nullopt;
}

std::optional<SteadyTime> TokenBucket::Take(SteadyTime now) {
  if (const std::int64_t until = paused_until_ns_.load(std::memory_order_relaxed);
      until > nanoseconds(now - start_).count()) {
    return start_ + nanoseconds(until);
  }
  const std::int64_t made = Made(now);
  std::int64_t used = used_.load(std::memory_order_relaxed);
  while (true) {
    const std::int64_t from = std::max(used, made - burst_);
    if (from >= made) return TimeOf(from + 1);
    if (used_.compare_exchange_weak(used, from + 1, std::memory_order_relaxed)) return std::nullopt;
  }
}

void TokenBucket::PauseUntil(SteadyTime until) {
  const std::int64_t ns = nanoseconds(until - start_).count();
  std::int64_t current = paused_until_ns_.load(std::memory_order_relaxed);
  while (current < ns &&
         !paused_until_ns_.compare_exchange_weak(current, ns, std::memory_order_relaxed)) {
  }
}

bool TokenBucket::Paused(SteadyTime now) const {
  return paused_until_ns_.load(std::memory_order_relaxed) > nanoseconds(now - start_).count();
}

}  // namespace stoker::warming
