#include "controller/base/hash.h"
#include "controller/warming/run/loop_runner.h"

namespace stoker::warming {
namespace {

constexpr Millis kReadDeadline{10'000};
constexpr Millis kTtlTolerance{1000};

bool IsWarm(const Held& held, const Sample& sample, Millis ttl) {
  if (!held.present || !held.value || held.value->size() != sample.value_size) return false;
  if (KeyHash(*held.value) != sample.value_hash) return false;
  if (ttl.count() == 0) return true;
  return held.ttl && held.ttl->count() > 0 && *held.ttl <= ttl + kTtlTolerance;
}

}  // namespace

bool LoopRunner::Sampled(std::uint64_t hash) const {
  const double percent = run_.spec.policy.verification_sample_percent;
  if (percent <= 0) return false;
  return static_cast<double>(Mix(hash ^ run_.seed) % 1'000'000) < percent * 10'000;
}

asio::awaitable<void> LoopRunner::Verifier() {
  while (!run_.Stopped()) {
    if (!to_verify_.empty()) {
      const BatchPtr batch = std::move(to_verify_.front());
      to_verify_.pop_front();
      batches_.NotifyOne();
      co_await Verify(*batch);
    } else if (Quiet() && pending_.Idle()) {
      break;
    } else {
      co_await verify_.Wait();
    }
  }
}

// A sample counts once: verified when every target that took it holds it, as it was written. One
// that a target cannot be asked about is neither verified nor cold.
asio::awaitable<void> LoopRunner::Verify(const Batch& batch) {
  std::vector<bool> cold(batch.samples.size(), false), unread(batch.samples.size(), false);
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    std::vector<std::string_view> keys;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < batch.samples.size(); ++i) {
      if ((batch.samples[i].targets & (1U << t)) == 0) continue;
      keys.push_back(batch.chunk.Key(batch.chunk.entries[batch.samples[i].entry]));
      places.push_back(i);
    }
    if (keys.empty()) continue;
    auto held = co_await targets_[t]->Read(keys, run_.Now() + kReadDeadline);
    for (int tries = 0; !held; ++tries) {
      if (!co_await TargetFailed(t, held.error(), tries)) break;
      held = co_await targets_[t]->Read(keys, run_.Now() + kReadDeadline);
    }
    if (run_.Stopped() || (!held && !run_.TakesWork())) co_return;
    if (held) run_.target_gates[t].Succeeded();
    for (std::size_t i = 0; i < places.size(); ++i) {
      const Sample& sample = batch.samples[places[i]];
      const Millis ttl = TtlOf(batch.chunk.entries[sample.entry], t);
      if (!held || i >= held->size()) {
        unread[places[i]] = true;
      } else if (!IsWarm((*held)[i], sample, ttl)) {
        cold[places[i]] = true;
      }
    }
  }
  std::int64_t failed = 0, verified = 0;
  for (std::size_t i = 0; i < cold.size(); ++i) {
    failed += cold[i] ? 1 : 0;
    verified += cold[i] || unread[i] ? 0 : 1;
  }
  counters_.verified.Add(verified);
  counters_.verify_failed.Add(failed);
  run_.ledger.AddVerified(verified, failed);
}

}  // namespace stoker::warming
