#pragma once

// What one run may ask of its origin, and when: every bound of spec.pacing in one place.
//
//   rate      a token for every request (token_bucket.h), none while a Retry-After lasts
//   bytes     what a value weighs is paid for before the next begins (byte_rate.h)
//   latency   fewer requests at a time while the origin is slow (latency_limit.h)
//   breaker   none while it only fails, but for probes (circuit_breaker.h)
//   memory    fewer while this process is about to exceed its limit (memory_brake.h)
//   stop      none at all once it is slower than can be borne (latency_stop.h), until a person or a
//             cool-down says so
//
// Runs that share their origin take from a common account as well (origin_budgets.h).
//
// A shard of several holds its exact share of rate, burst, bytes and places. Whoever sends asks right
// before each request; a yes takes what the request needs, and Ended() gives it back. So no request
// begins after the decision that none shall, and what is in flight may end.
//
// Thread safety: any thread; a Request is one coroutine's. While no bound of latency is configured
// the cost of asking is a few atomic operations.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/duration.h"
#include "controller/warming/pace/byte_rate.h"
#include "controller/warming/pace/circuit_breaker.h"
#include "controller/warming/pace/latency_limit.h"
#include "controller/warming/pace/latency_stop.h"
#include "controller/warming/pace/memory_brake.h"
#include "controller/warming/pace/origin_budgets.h"
#include "controller/warming/pace/token_bucket.h"

namespace stoker::warming {

struct OriginPacerOptions {
  std::int64_t per_second = 1, burst = 1;
  std::int64_t bytes_per_second = 0;  // 0: no bound
  int in_flight = 1;
  LatencyLimitOptions latency;  // neither tolerance nor slow_above: it has no say
  CircuitBreakerOptions breaker;
  LatencyStopOptions stop;
  std::optional<Millis> cooldown;  // after an emergency stop; none: until Resume()
};

struct EmergencyStop {
  std::string message;              // why, with figures
  std::optional<SteadyTime> until;  // none: until a person resumes it
};

class OriginPacer {
 public:
  // `shared`: with whom the origin is shared in this process; null: with nobody.
  OriginPacer(OriginPacerOptions options, const Clock& clock,
              std::unique_ptr<OriginBudgets::Member> shared = nullptr);

  // From before a fetch's first request until its end.
  struct Request {
    bool for_list = false;  // of a source: how long it takes says nothing
    bool sent = false;
    std::uint64_t era = 0;  // of the breaker, when it began
    bool probes = false;    // it was let through as one
    ByteRate::Charge charge;
    LatencyStop::Request followed;
  };
  struct Outcome {
    enum class Kind { kServed, kFailing, kBusy } kind = Kind::kServed;  // kBusy: come back later
    std::chrono::microseconds latency{0};
    std::int64_t bytes = 0;
    std::string reason;  // of a failure
  };

  [[nodiscard]] Request Begin(bool for_list) const;
  // None: another entry may dial; else when to ask again. `approaching`: how many of the caller's do.
  [[nodiscard]] std::optional<SteadyTime> AskToApproach(SteadyTime now, int approaching) const;
  // None: a request may be sent now. Asked once for each request of a fetch.
  std::optional<SteadyTime> AskToSend(SteadyTime now, Request& request);
  void Ended(SteadyTime now, Request& request, const Outcome& outcome);
  void PauseUntil(SteadyTime until) { bucket_.PauseUntil(until); }
  // Called now and then: for requests that do not end, and for the end of a cool-down.
  void Tick(SteadyTime now);
  void Resume(SteadyTime now);
  // Told now and then what this process may still use.
  void Look(const MemoryUse& memory) { memory_.Look(memory); }
  [[nodiscard]] bool ShortOfMemory() const { return memory_.limit() < options_.in_flight; }
  // Nobody asks any more: what is shared is the others' now.
  void Leave() { shared_.reset(); }

  [[nodiscard]] bool Stopped() const { return stopped_.load(std::memory_order_acquire); }
  [[nodiscard]] bool AwaitsPerson() const { return Stopped() && !options_.cooldown; }

  struct State {
    bool retry_after = false;
    int limit = 0;             // requests at a time, now
    std::string throttled;     // why fewer than configured; empty: they are not
    std::string circuit_open;  // why; empty: it is closed
    std::string short_of_memory;
    std::optional<EmergencyStop> stop;
  };
  [[nodiscard]] State Now(SteadyTime now) const;

 private:
  void StopNow(SteadyTime now, const LatencyStop::Slowness& slowness);
  std::optional<SteadyTime> Ask(SteadyTime now, Request& request);
  bool TakePlace();
  void GivePlace();
  void Judge(SteadyTime now, const Request& request, const Outcome& outcome);
  void NoteThrottling();

  const OriginPacerOptions options_;
  const Clock& clock_;
  const bool limited_;  // by latency
  std::unique_ptr<OriginBudgets::Member> shared_;
  TokenBucket bucket_;
  ByteRate bytes_;
  LatencyLimit limit_;
  CircuitBreaker breaker_;
  LatencyStop stop_;
  MemoryBrake memory_;
  std::atomic<int> in_flight_{0};
  std::atomic<bool> stopped_{false};
  std::atomic<bool> throttled_{false};
  mutable std::mutex mutex_;
  EmergencyStop why_stopped_;  // protected by mutex_, as the next two
  std::string why_open_, why_throttled_;
};

}  // namespace stoker::warming
