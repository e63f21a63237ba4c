#pragma once

// What one loop has counted. The loop alone writes, anybody reads, nobody locks.
//
// A reader that adds the loops' finished entries first and reads `discovered` afterwards sees at
// least as many discovered as finished: discovered grows before an entry reaches a loop, and every
// counter is published with release.
//
// Thread safety: Add() by the owning loop; Get() from any thread.

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "controller/base/clock.h"

namespace stoker::warming {

inline constexpr std::size_t kMaxTargets = 8;
inline constexpr std::int64_t kNeverUs =
    std::numeric_limits<std::int64_t>::max();  // since the epoch

class Counter {
 public:
  void Add(std::int64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_release);
  }
  [[nodiscard]] std::int64_t Get() const { return value_.load(std::memory_order_acquire); }

 private:
  std::atomic<std::int64_t> value_{0};
};

// The latest requests' latencies and outcomes.
class LatencyRing {
 public:
  void Add(std::chrono::microseconds latency, bool error) {
    const auto us = static_cast<std::uint32_t>(std::min<std::int64_t>(latency.count(), INT32_MAX));
    slots_[next_ % kSlots].store((us << 1) | (error ? 1U : 0U), std::memory_order_relaxed);
    ++next_;
  }
  // Appends what was recorded; an empty slot is skipped.
  void CopyTo(std::vector<std::uint32_t>& latencies, std::int64_t& errors) const {
    for (const auto& slot : slots_) {
      const std::uint32_t value = slot.load(std::memory_order_relaxed);
      if (value == kEmpty) continue;
      latencies.push_back(value >> 1);
      errors += value & 1;
    }
  }
  LatencyRing() {
    for (auto& slot : slots_) slot.store(kEmpty, std::memory_order_relaxed);
  }

 private:
  static constexpr std::size_t kSlots = 256;
  static constexpr std::uint32_t kEmpty = UINT32_MAX;
  std::array<std::atomic<std::uint32_t>, kSlots> slots_;
  std::size_t next_ = 0;  // the loop's own
};

struct alignas(64) LoopCounters {
  Counter warmed, skipped, failed, bytes, verified, verify_failed, requests;
  std::array<Counter, kMaxTargets> target_warmed, target_failed;
  std::atomic<std::int64_t> first_expiry_us{kNeverUs};
  LatencyRing latency;

  void Expires(std::int64_t us) {
    if (us < first_expiry_us.load(std::memory_order_relaxed)) {
      first_expiry_us.store(us, std::memory_order_relaxed);
    }
  }
};

}  // namespace stoker::warming
