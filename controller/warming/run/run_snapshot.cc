// What a run looks like from outside while it goes on.
#include <algorithm>

#include "controller/warming/run/run_impl.h"

namespace stoker::warming {
namespace {

constexpr std::size_t kRateSeconds = 10;
constexpr int kFailuresToTell = 3;  // in a row; one lost connection is no outage

bool IsOutage(const OutageGate::State& state) {
  return state.open || state.failures >= kFailuresToTell;
}

}  // namespace

void RunImpl::SampleRate(SteadyTime now) {
  Tally tally;
  std::vector<TargetTally> targets;
  {
    const std::lock_guard lock(mutex_);
    if (!rate_.empty() && now - rate_.back().at < std::chrono::seconds(1)) return;
  }
  CountTally(tally, targets);
  const std::lock_guard lock(mutex_);
  rate_.push_back({now, tally.warmed + tally.skipped + tally.failed});
  if (rate_.size() > kRateSeconds + 1) rate_.pop_front();
}

double RunImpl::PerSecond(std::int64_t finished) const {
  const SteadyTime now = context_.Now();
  SteadyTime since = started_.load();
  std::int64_t before = resumed_.warmed + resumed_.skipped + resumed_.failed;
  const std::lock_guard lock(mutex_);
  if (rate_.size() > kRateSeconds) {
    since = rate_.front().at;
    before = rate_.front().finished;
  }
  const double seconds = std::chrono::duration<double>(now - since).count();
  return seconds <= 0 ? 0 : static_cast<double>(finished - before) / seconds;
}

void RunImpl::CountTally(Tally& tally, std::vector<TargetTally>& targets) const {
  tally.warmed = resumed_.warmed;
  tally.skipped = resumed_.skipped;
  tally.failed = resumed_.failed;
  tally.bytes = resumed_.bytes;
  tally.verified = resumed_verified_;
  tally.verify_failed = resumed_verify_failed_;
  const auto& specs = context_.spec.policy.targets;
  for (std::size_t t = 0; t < specs.size(); ++t) {
    targets.push_back({specs[t].name, resumed_.target_warmed[t], resumed_.target_failed[t]});
  }
  for (const auto& runner : runners_) {
    const LoopCounters& counters = runner->counters();
    tally.warmed += counters.warmed.Get();
    tally.skipped += counters.skipped.Get();
    tally.failed += counters.failed.Get();
    tally.bytes += counters.bytes.Get();
    tally.verified += counters.verified.Get();
    tally.verify_failed += counters.verify_failed.Get();
    tally.origin_requests += counters.requests.Get();
    for (std::size_t t = 0; t < specs.size(); ++t) {
      targets[t].warmed += counters.target_warmed[t].Get();
      targets[t].failed += counters.target_failed[t].Get();
    }
  }
  // Read last: see LoopCounters.
  tally.discovered = context_.discovered.load(std::memory_order_acquire);
  tally.left = tally.discovered - tally.warmed - tally.skipped - tally.failed;
}

void RunImpl::DescribeOrigin(Progress& progress) const {
  std::vector<std::uint32_t> latencies;
  std::int64_t errors = 0;
  for (const auto& runner : runners_) runner->counters().latency.CopyTo(latencies, errors);
  if (latencies.empty()) return;
  const auto middle = latencies.begin() + static_cast<std::ptrdiff_t>(latencies.size() / 2);
  std::nth_element(latencies.begin(), middle, latencies.end());
  progress.origin_latency = std::chrono::duration_cast<Millis>(std::chrono::microseconds(*middle));
  progress.origin_error_percent =
      100.0 * static_cast<double>(errors) / static_cast<double>(latencies.size());
}

void RunImpl::DescribePace(Progress& progress) const {
  const SteadyTime now = context_.Now();
  OriginPacer::State state = context_.pacer.Now(now);
  progress.throttled = state.retry_after;
  progress.in_flight_limit = state.limit;
  progress.slowed = std::move(state.throttled);
  if (!state.short_of_memory.empty() && !progress.waiting)
    progress.waiting = Waiting{"ShortOfMemory", std::move(state.short_of_memory)};
  progress.circuit_open = std::move(state.circuit_open);
  if (!state.stop) return;
  progress.stopped = Stopped{std::move(state.stop->message), std::nullopt};
  if (state.stop->until) {
    const auto left = std::chrono::ceil<Millis>(*state.stop->until - now);
    progress.stopped->resumes_in = std::max(left, Millis(0));
  }
}

std::optional<Waiting> RunImpl::Outage() const {
  for (std::size_t t = 0; t < context_.spec.policy.targets.size(); ++t) {
    const OutageGate::State state = context_.target_gates[t].Now();
    if (IsOutage(state))
      return Waiting{state.standing ? state.reason : "TargetUnavailable", state.message};
  }
  const OutageGate::State state = context_.origin_gate.Now();
  if (IsOutage(state)) return Waiting{"OriginUnavailable", state.message};
  return std::nullopt;
}

Progress RunImpl::Snapshot() const {
  Progress progress;
  progress.resumed = how_resumed_;
  CountTally(progress.tally, progress.targets);
  progress.enumerated = context_.enumerated.load(std::memory_order_acquire);
  progress.percent = WarmPercent(progress.tally);
  progress.failures = context_.Failures();
  if (!running_) return progress;
  const std::int64_t finished = progress.tally.discovered - progress.tally.left;
  progress.per_second = PerSecond(finished);
  if (progress.enumerated && progress.per_second > 0) {
    progress.eta = Millis(static_cast<std::int64_t>(
        1000.0 * static_cast<double>(progress.tally.left) / progress.per_second));
  }
  DescribeOrigin(progress);
  if (!context_.Stopped()) progress.waiting = Outage();
  if (context_.TakesWork()) DescribePace(progress);
  if (progress.tally.discovered == 0 && !progress.enumerated) return progress;
  const bool all_finished = progress.enumerated && progress.tally.left == 0;
  progress.phase = all_finished ? Progress::Phase::kVerifying : Progress::Phase::kWarming;
  if (Done()) progress.phase = Progress::Phase::kDone;
  return progress;
}

}  // namespace stoker::warming
