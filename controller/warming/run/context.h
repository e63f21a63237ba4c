#pragma once

// What the loops of one run share: the frozen plan, the bounds, and the few things that change.
//
// Thread safety: what is const is read by all; the rest guards itself.

#include <atomic>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "controller/warming/pace/capacity_gate.h"
#include "controller/warming/pace/origin_pacer.h"
#include "controller/warming/pace/outage.h"
#include "controller/warming/pace/places.h"
#include "controller/warming/pace/write_pace.h"
#include "controller/warming/run/batch_queue.h"
#include "controller/warming/run/ledger.h"
#include "controller/warming/run/run.h"
#include "controller/warming/run/stop.h"

namespace stoker::warming {

struct RunContext {
  // `loops`: at most these; a loop needs a request to send.
  RunContext(RunSpec run_spec, RunOptions run_options, std::vector<std::string> names,
             int most_loops, OutageBackoff outage_backoff);

  [[nodiscard]] bool Stopped() const { return stop.load(std::memory_order_acquire); }
  // Something new may begin: the run is neither stopped nor being drained.
  [[nodiscard]] bool TakesWork() const {
    return !draining.load(std::memory_order_acquire) && !Stopped();
  }
  [[nodiscard]] bool Paused() const { return paused.load(std::memory_order_relaxed); }
  // Asks the host; a no ends the run.
  bool MayAct();
  // Ends the run early; the first call counts.
  void Stop(StopKind kind, std::string reason, std::string message);
  // The same, for an exception that nobody should have thrown.
  void StopOn(const std::exception_ptr& error);
  // Lets what is in flight finish, until `until`; see Run::Drain(). Of several calls the first says
  // why, and the earliest `until` counts. `left`:
  // what becomes of a run that has something left.
  void Drain(SteadyTime until, StopCause left);
  // Called now and then: stops a drain that took too long.
  void EndDrainAt(SteadyTime now);
  [[nodiscard]] StopCause Cause() const;
  [[nodiscard]] StopCause DrainCause() const;
  void AddFailure(std::string_view key, std::string_view reason, std::string_view message);
  [[nodiscard]] std::vector<FailureCount> Failures() const;
  [[nodiscard]] SteadyTime Now() const { return options.clock->Steady(); }

  const RunSpec spec;
  const RunOptions options;
  const std::vector<std::string> columns;  // beside `key`, what the addresses at origins use
  const bool one_host;                     // whatever the entry, it is asked of the same hosts
  const std::uint64_t seed;
  const int in_flight;  // this shard's share of maxInFlight
  const int loops;
  Places places;        // of requests in flight
  Places write_places;  // of fetched values on their way to the targets: as many again
  OriginPacer pacer;
  OutageGate origin_gate;
  std::deque<OutageGate> target_gates;                 // one a target
  std::deque<std::unique_ptr<CapacityGate>> capacity;  // one a target; null: it is not looked after
  std::deque<std::unique_ptr<WritePace>> write_pace;   // one a target; null: as fast as values come
  BatchQueue queue;
  Ledger ledger;
  std::atomic<std::int64_t> discovered{0};
  std::atomic<bool> enumerated{false};
  std::atomic<bool> stop{false};
  std::atomic<bool> draining{false};
  std::atomic<bool> paused{false};
  std::function<void()> on_stop;  // wakes every loop; set before the run starts, as the next
  std::function<void(int)> on_place_free;  // wakes a loop that is short of places
  std::mutex callbacks;                    // held while a callback of the host runs
  mutable std::mutex mutex;
  StopCause cause;        // protected by mutex, as all below
  StopCause drain_cause;  // what a drain makes of a run that has something left
  SteadyTime drain_until;
  FailureTable failures;
};

}  // namespace stoker::warming
