#include "controller/warming/pace/backoff.h"

#include <algorithm>

namespace stoker::warming {

// The finalizer of SplitMix64 (Steele, Lea, Flood 2014).
std::uint64_t Mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15ULL;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

std::uint64_t Jitter::Next() {
  const std::uint64_t result = Mix(state_);
  state_ += 0x9e3779b97f4a7c15ULL;
  return result;
}

std::chrono::microseconds Jitter::Below(std::chrono::microseconds bound) {
  if (bound.count() <= 0) return std::chrono::microseconds(0);
  return std::chrono::microseconds(
      static_cast<std::int64_t>(Next() % (static_cast<std::uint64_t>(bound.count()) + 1)));
}

Millis BackoffCeiling(int attempt, Millis base, Millis max) {
  Millis ceiling = base;
  for (int i = 0; i < attempt && ceiling < max; ++i) ceiling *= 2;
  return std::min(ceiling, max);
}

}  // namespace stoker::warming
