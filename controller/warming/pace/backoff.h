#pragma once

// How long to wait before trying again: exponential, with full jitter, so that many who failed
// together do not come back together.
//
// Thread safety: pure; Jitter is one thread's.

#include <cstdint>

#include "controller/base/duration.h"

namespace stoker::warming {

// A small, seeded source of chance; the same seed gives the same run.
class Jitter {
 public:
  explicit Jitter(std::uint64_t seed) : state_(seed) {}
  std::uint64_t Next();
  // Uniform in [0, bound].
  std::chrono::microseconds Below(std::chrono::microseconds bound);

 private:
  std::uint64_t state_;
};

// min(base * 2^attempt, max) for attempt 0, 1, ...; never overflows.
Millis BackoffCeiling(int attempt, Millis base, Millis max);

// Spreads a hash: what depends on it is even over keys, and independent for different salts.
std::uint64_t Mix(std::uint64_t value);

}  // namespace stoker::warming
