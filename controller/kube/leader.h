#pragma once

// One of several replicas leads, and everybody knows when it no longer does.
//
// A Lease (coordination.k8s.io/v1) is held for `lease_duration`, renewed every `retry_period`, and
// given up if it could not be renewed for `renew_deadline` - before it could become another's. An
// API blip shorter than that is survived. Waiting replicas watch the Lease, so that a release
// (holderIdentity empty) is seen at once; Stop() releases. The clock that decides is steady and
// local: a process that was paused (SIGSTOP) past its lease finds Valid() false before it can
// write.
//
// The Client must not be fenced by this elector: its own writes are what the fence rests on.
//
// Thread safety: Valid() and Transitions() from any thread, without a lock. Callbacks run on the
// elector's thread, which renews nothing meanwhile: they return promptly (well within
// renew_deadline). Shutdown: Stop() runs on_stopped while the lease is still valid, so that the
// last writes can go out, then releases it (two seconds at most).

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "controller/base/clock.h"
#include "controller/kube/client.h"

namespace stoker::kube {

struct LeaderOptions {
  std::string ns;
  std::string name = "stoker-controller";
  std::string identity;
  Millis lease_duration{15'000};
  Millis renew_deadline{10'000};
  Millis retry_period{2'000};
  // The highest transition count that leaders left behind in what they wrote; asked before a Lease
  // is made anew, which would else begin at 1 and be fenced off by the work of its predecessors. An
  // error: not known, so that the lease is not taken yet. Null: nothing is left behind.
  std::function<Result<std::int64_t>(const std::stop_token&)> left_behind = nullptr;
};

class LeaderElector {
 public:
  LeaderElector(Client& client, LeaderOptions options, const Clock& clock = SystemClock());
  ~LeaderElector();

  // on_started: we lead now. on_stopped: we lead no longer (lost or released); work must have
  // stopped sending by the time it returns.
  void Start(std::function<void()> on_started, std::function<void()> on_stopped);
  void Stop();  // releases the lease if held

  // True while the lease is surely ours: last renewal (measured from before the request was sent)
  // is younger than renew_deadline on the steady clock.
  [[nodiscard]] bool Valid() const;
  // spec.leaseTransitions at our acquisition: grows with every change of leader; fences writes.
  [[nodiscard]] std::int64_t Transitions() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stoker::kube
