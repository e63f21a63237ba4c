#include "controller/warming/run/context.h"

#include <algorithm>

#include "controller/base/hash.h"
#include "controller/warming/plan/shard.h"
#include "controller/warming/run/addresses.h"

namespace stoker::warming {
namespace {

std::vector<std::string> TargetNames(const RunSpec& spec) {
  std::vector<std::string> names;
  for (const auto& target : spec.policy.targets) names.push_back(target.name);
  return names;
}

}  // namespace

RunContext::RunContext(RunSpec run_spec, RunOptions run_options, std::vector<std::string> names,
                       int most_loops, OutageBackoff outage_backoff)
    : spec(std::move(run_spec)),
      options(std::move(run_options)),
      columns(std::move(names)),
      one_host(HaveOneHost(spec.policy)),
      seed(KeyHash(spec.id)),
      in_flight(static_cast<int>(
          ShareOf(spec.policy.pacing.max_in_flight, spec.shard.index, spec.shard.count))),
      loops(std::clamp(options.loops > 0 ? options.loops : most_loops, 1,
                       std::min(most_loops, in_flight))),
      places(in_flight, loops),
      write_places(in_flight, loops),
      bucket(ShareOf(spec.policy.pacing.requests_per_second, spec.shard.index, spec.shard.count),
             ShareOf(spec.policy.pacing.burst, spec.shard.index, spec.shard.count),
             options.clock->Steady()),
      origin_gate(outage_backoff),
      ledger(spec.plan_hash, spec.shard, TargetNames(spec)) {
  for (std::size_t i = 0; i < spec.policy.targets.size(); ++i)
    target_gates.emplace_back(outage_backoff);
  for (const api::Target& target : spec.policy.targets) {
    capacity.push_back(target.capacity
                           ? std::make_unique<CapacityGate>(target.capacity->max_memory_percent)
                           : nullptr);
  }
}

bool RunContext::MayAct() {
  if (Stopped()) return false;
  if (!options.may_act || options.may_act()) return true;
  Stop(StopKind::kLostLease, "LostLease", "the host may not act any more");
  return false;
}

void RunContext::Stop(StopKind kind, std::string reason, std::string message) {
  {
    const std::lock_guard lock(mutex);
    if (cause.kind != StopKind::kNone) return;
    cause = {kind, std::move(reason), std::move(message)};
    stop.store(true, std::memory_order_release);
  }
  if (on_stop) on_stop();
}

void RunContext::StopOn(const std::exception_ptr& error) {
  std::string what = "an exception of no known kind";
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    what = e.what();
  } catch (...) {
  }
  Stop(StopKind::kFatal, "InternalError", std::move(what));
}

void RunContext::Drain(SteadyTime until, std::string reason) {
  const std::lock_guard lock(mutex);
  if (draining) return;
  drain_cause = {StopKind::kCancelled, "Cancelled", std::move(reason)};
  drain_until = until;
  draining.store(true, std::memory_order_release);
}

void RunContext::EndDrainAt(SteadyTime now) {
  StopCause late;
  {
    const std::lock_guard lock(mutex);
    if (!draining || now < drain_until) return;
    late = drain_cause;
  }
  Stop(late.kind, std::move(late.reason), std::move(late.message));
}

StopCause RunContext::Cause() const {
  const std::lock_guard lock(mutex);
  return cause;
}

StopCause RunContext::DrainCause() const {
  const std::lock_guard lock(mutex);
  return drain_cause;
}

void RunContext::AddFailure(std::string_view key, std::string_view reason,
                            std::string_view message) {
  {
    const std::lock_guard lock(mutex);
    failures.Add(reason, key, message);
  }
  if (!options.on_failed) return;
  const std::lock_guard lock(callbacks);
  options.on_failed(key, reason, message);
}

std::vector<FailureCount> RunContext::Failures() const {
  const std::lock_guard lock(mutex);
  return failures.Rows();
}

}  // namespace stoker::warming
