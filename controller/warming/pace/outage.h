#pragma once

// When a peer as such is down, asking it for every entry only makes noise. An OutageGate counts
// failures that concern the whole peer; after enough of them in a row it opens, and then lets one
// request through per back-off, until one succeeds.
//
// Two kinds of outage: a passing one (refused connections, a server that is loading) opens after
// kFailuresToOpen failures and is waited for; a standing one (wrong password, out of memory,
// read-only) opens at once, and after kStandingStrikes failed probes the gate gives up: the run
// should end. A probe right is a slot in time, not a lock, so a probe that got lost costs one
// back-off.
//
// Thread safety: any thread; Closed() is one atomic load.

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/duration.h"

namespace stoker::warming {

struct OutageBackoff {
  Millis first{500};
  Millis max{5000};
};

class OutageGate {
 public:
  static constexpr int kFailuresToOpen = 20;
  static constexpr int kStandingStrikes = 3;

  explicit OutageGate(OutageBackoff backoff = {}) : limits_(backoff) {}

  struct State {
    bool open = false;
    bool standing = false;
    bool gave_up = false;
    int failures = 0;    // in a row
    std::string reason;  // of the last failure
    std::string message;
  };

  [[nodiscard]] bool Closed() const { return !open_.load(std::memory_order_acquire); }
  // None: go ahead (with an open gate, as its probe). Else: ask again then.
  std::optional<SteadyTime> Admit(SteadyTime now);
  // It did what it is for.
  void Succeeded();
  // It answered, if only to refuse: it is there.
  void Answered();
  // Reports a failure of the whole peer; true when the gate has just given up.
  bool Failed(SteadyTime now, bool standing, std::string_view reason, std::string_view message);
  // Moves with every success: whether the peer answered anybody since.
  [[nodiscard]] std::uint64_t successes() const {
    return successes_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] State Now() const;

 private:
  const OutageBackoff limits_;
  std::atomic<bool> open_{false};
  std::atomic<bool> failing_{false};
  std::atomic<std::uint64_t> successes_{0};
  mutable std::mutex mutex_;
  State state_;  // protected by mutex_
  Millis backoff_ = limits_.first;
  SteadyTime next_probe_;
  SteadyTime last_strike_;
  int strikes_ = 0;
};

}  // namespace stoker::warming
