#include "controller/warming/run/context.h"

#include <fmt/format.h>

#include <algorithm>

#include "controller/base/hash.h"
#include "controller/warming/origin/http_client.h"
#include "controller/warming/plan/shard.h"
#include "controller/warming/run/addresses.h"

namespace stoker::warming {
namespace {

std::vector<std::string> TargetNames(const RunSpec& spec) {
  std::vector<std::string> names;
  for (const auto& target : spec.policy.targets) names.push_back(target.name);
  return names;
}

// This shard's share of what the policy allows.
OriginPacerOptions PacerOptions(const RunSpec& spec) {
  const api::Pacing& pacing = spec.policy.pacing;
  const auto share = [&](std::int64_t whole) {
    return ShareOf(whole, spec.shard.index, spec.shard.count);
  };
  OriginPacerOptions options;
  options.per_second = share(pacing.requests_per_second);
  options.burst = share(pacing.burst);
  if (pacing.bytes_per_second > 0)
    options.bytes_per_second = std::max<std::int64_t>(1, share(pacing.bytes_per_second));
  options.in_flight = static_cast<int>(share(pacing.max_in_flight));
  options.latency.max = options.in_flight;
  if (!pacing.latency.adaptive) options.latency.tolerance = 0;
  options.latency.slow_above = pacing.latency.slow_above;
  options.stop = {pacing.latency.stop_above, pacing.latency.window, options.in_flight};
  options.breaker.failure_threshold = 0;
  if (const auto& breaker = pacing.circuit_breaker) {
    options.breaker = {breaker->failure_threshold, breaker->open_for, breaker->half_open_probes,
                       spec.shard.index, spec.shard.count};
  }
  if (pacing.emergency_stop.resume == api::EmergencyStop::Resume::kAuto)
    options.cooldown = pacing.emergency_stop.cooldown;
  return options;
}

// Null where nobody shares, or where entries choose the host: that origin has no name.
std::unique_ptr<OriginBudgets::Member> JoinBudget(const RunSpec& spec, const RunOptions& options) {
  if (!options.budgets || spec.policy.origins.empty() || !HaveOneHost(spec.policy)) return nullptr;
  const auto& http = spec.policy.origins.front().http;
  if (!http) return nullptr;
  const auto url = ParseUrl(http->url.substr(0, http->url.find('{')));
  if (!url) return nullptr;
  const OriginPacerOptions own = PacerOptions(spec);
  return options.budgets->Join(fmt::format("{} {}:{}", options.budget_scope, url->host, url->port),
                               {own.per_second, own.burst, own.in_flight}, *options.clock);
}

WritePaceOptions PaceOfWrites(const api::TargetPacing& pacing, Shard shard) {
  const auto share = [&](std::int64_t whole) {
    return whole == 0 ? 0 : std::max<std::int64_t>(1, ShareOf(whole, shard.index, shard.count));
  };
  return {share(pacing.requests_per_second), share(pacing.bytes_per_second),
          share(pacing.max_in_flight)};
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
      pacer(PacerOptions(spec), *options.clock, JoinBudget(spec, options)),
      origin_gate(outage_backoff),
      queue(options.batch_bytes),
      ledger(spec.plan_hash, spec.shard, TargetNames(spec)) {
  for (std::size_t i = 0; i < spec.policy.targets.size(); ++i)
    target_gates.emplace_back(outage_backoff);
  for (const api::Target& target : spec.policy.targets) {
    write_pace.push_back(target.pacing
                             ? std::make_unique<WritePace>(PaceOfWrites(*target.pacing, spec.shard),
                                                           options.clock->Steady())
                             : nullptr);
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

void RunContext::Drain(SteadyTime until, StopCause left) {
  const std::lock_guard lock(mutex);
  if (draining) {
    drain_until = std::min(drain_until, until);
    return;
  }
  drain_cause = std::move(left);
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
