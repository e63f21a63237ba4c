#pragma once

// How much a run may still bring into a target before it would push something out.
//
// A cache at its limit evicts, and what it evicts may be hotter than what a run brings. So the
// target is measured, and what a measure allows is a credit: half of the room below the configured
// percentage of its memory, less what is on its way. Writes take from it; when it is used up the
// target is measured again. The credit halves towards the limit, so neither a wrong guess at an
// entry's weight nor what other clients write meanwhile leads past it by much. An eviction during
// the run ends it at once, whatever the memory says.
//
// Thread safety: any thread; Take() is two atomic operations.

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "controller/warming/target/target.h"

namespace stoker::warming {

class CapacityGate {
 public:
  explicit CapacityGate(int max_percent) : max_percent_(max_percent) {}

  // What an entry weighs in a cache: its bytes, rounded up as allocators do, and the bookkeeping.
  [[nodiscard]] static std::int64_t Weight(std::size_t key, std::size_t value);

  // Takes the credit for a write; false: measure first.
  bool Take(std::int64_t weight);
  // A write that took credit is answered.
  void Landed(std::int64_t weight) { in_flight_.fetch_sub(weight, std::memory_order_relaxed); }
  // Takes in a measure of every node, made for a write of this weight (0: a routine look). A
  // sentence when the run must end: what is full, or evicts.
  std::optional<std::string> Measured(const std::vector<Capacity>& nodes, std::int64_t weight);

 private:
  [[nodiscard]] std::int64_t RoomOf(const Capacity& node) const;

  const int max_percent_;
  std::atomic<std::int64_t> credit_{0};
  std::atomic<std::int64_t> in_flight_{0};
  std::mutex mutex_;
  std::map<std::string, std::int64_t> evicted_before_;  // by node; protected by mutex_
};

}  // namespace stoker::warming
