#pragma once

// How many requests may be out at a time while memory is short, so that a worker slows down before it
// is killed.
//
// Up to 80 % of the limit all of them; from there fewer and fewer, and above 95 % one at a time: it is
// never none, for what is held is only given back by going on. The reason is made once, when it
// begins, and stays until memory falls below 75 %.
//
// Thread safety: any thread.

#include <atomic>
#include <mutex>
#include <string>

#include "controller/base/cgroup.h"

namespace stoker::warming {

class MemoryBrake {
 public:
  explicit MemoryBrake(int in_flight) : most_(in_flight), limit_(in_flight) {}

  void Look(const MemoryUse& memory);
  [[nodiscard]] int limit() const { return limit_.load(std::memory_order_relaxed); }
  // Why it brakes; empty: it does not.
  [[nodiscard]] std::string Reason() const;

 private:
  const int most_;
  std::atomic<int> limit_;
  mutable std::mutex mutex_;
  std::string reason_;  // protected by mutex_
};

}  // namespace stoker::warming
