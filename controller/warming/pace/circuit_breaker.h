#pragma once

// An origin that fails request after request is left alone, and asked carefully before it is believed
// again.
//
//   Closed    every request goes; `failure_threshold` failures in a row open it
//   Open      none goes for `open_for`
//   HalfOpen  `probes` requests go; if all succeed it closes, if one fails it opens again
//
// Requests that began before a change of state say nothing about the present one: each carries the
// `era` in which it began, and answers of another era are not heard. A probe that got lost (its run was
// stopped, say) costs one `open_for`.
//
// Shards of a run do not talk to each other, and only one may probe: time is cut into slots of
// `open_for` by the wall clock, and shard i of n probes in every n-th slot alone.
//
// Source: Nygard, Release It! (2007); the half-open state as Netflix' Hystrix has it.
//
// Thread safety: any thread; in Closed, Admit() and Succeeded() are atomic loads.

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/duration.h"

namespace stoker::warming {

struct CircuitBreakerOptions {
  int failure_threshold = 10;  // in a row; 0: never opens
  Millis open_for{30'000};
  int probes = 3;
  int shard = 0, shards = 1;
};

class CircuitBreaker {
 public:
  enum class State { kClosed, kOpen, kHalfOpen };

  explicit CircuitBreaker(CircuitBreakerOptions options) : options_(options) {}

  // None: a request may begin, in era(). Else: ask again then.
  std::optional<SteadyTime> Admit(SteadyTime now, WallTime wall);
  // When to look again while nothing may begin; none: Admit() may say yes. Takes no probe.
  [[nodiscard]] std::optional<SteadyTime> Wait(SteadyTime now) const;
  [[nodiscard]] std::uint64_t era() const { return era_.load(std::memory_order_acquire); }
  // How the request that began in `era` ended. Failed() is true when it opened the breaker.
  void Succeeded(std::uint64_t era);
  bool Failed(std::uint64_t era, SteadyTime now, WallTime wall);
  [[nodiscard]] State state() const { return state_.load(std::memory_order_acquire); }
  // How often it went from Closed to Open.
  [[nodiscard]] int trips() const { return trips_.load(std::memory_order_relaxed); }

 private:
  void Open(SteadyTime now, WallTime wall);
  void Become(State state);

  const CircuitBreakerOptions options_;
  std::atomic<State> state_{State::kClosed};
  std::atomic<std::uint64_t> era_{0};
  std::atomic<int> failures_{0};  // in a row
  std::atomic<int> trips_{0};
  mutable std::mutex mutex_;
  SteadyTime until_;     // of Open; in HalfOpen: when lost probes are given up
  int probes_left_ = 0;  // to be sent
  int successes_ = 0;    // of probes
};

}  // namespace stoker::warming
