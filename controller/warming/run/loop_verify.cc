#include <algorithm>

#include "controller/base/hash.h"
#include "controller/warming/run/loop_runner.h"

namespace stoker::warming {
namespace {

constexpr Millis kReadDeadline{10'000};
constexpr Millis kTtlTolerance{1000};
constexpr std::uint64_t kReadBytes = 4 << 20;  // of values read back at once; one may be larger

bool IsWarm(const Held& held, const Sample& sample, Millis ttl) {
  if (!held.present || !held.value || held.value->size() != sample.value_size) return false;
  if (KeyHash(*held.value) != sample.value_hash) return false;
  if (ttl.count() == 0) return true;
  return held.ttl && held.ttl->count() > 0 && *held.ttl <= ttl + kTtlTolerance;
}

// The next samples that target `t` took, from `at` on, which is moved behind them.
std::vector<std::size_t> NextToRead(const Batch& batch, std::size_t t, std::size_t& at) {
  std::vector<std::size_t> places;
  std::uint64_t bytes = 0;
  for (; at < batch.samples.size() && bytes < kReadBytes; ++at) {
    if ((batch.samples[at].targets & (1U << t)) == 0) continue;
    places.push_back(at);
    bytes += batch.samples[at].value_size;
  }
  return places;
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
      co_await Verify(*batch);
      batch_bytes_ -= batch->MemoryBytes();
      batches_.NotifyOne();
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
  std::vector<SampleState> states(batch.samples.size(), SampleState::kWarm);
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    for (std::size_t at = 0; at < batch.samples.size();) {
      const auto places = NextToRead(batch, t, at);
      if (!places.empty() && !co_await ReadBack(batch, t, places, states)) co_return;
    }
  }
  const auto cold = std::ranges::count(states, SampleState::kCold);
  const auto warm = std::ranges::count(states, SampleState::kWarm);
  counters_.verified.Add(warm);
  counters_.verify_failed.Add(cold);
  run_.ledger.AddVerified(warm, cold);
}

// False: the run ends.
asio::awaitable<bool> LoopRunner::ReadBack(const Batch& batch, std::size_t t,
                                           const std::vector<std::size_t>& places,
                                           std::vector<SampleState>& states) {
  std::vector<std::string_view> keys;
  for (const std::size_t place : places) {
    keys.push_back(batch.chunk.Key(batch.chunk.entries[batch.samples[place].entry]));
  }
  auto held = co_await targets_[t]->Read(keys, run_.Now() + kReadDeadline);
  for (int tries = 0; !held; ++tries) {
    if (!co_await TargetFailed(t, held.error(), tries)) break;
    held = co_await targets_[t]->Read(keys, run_.Now() + kReadDeadline);
  }
  if (run_.Stopped() || (!held && !run_.TakesWork())) co_return false;
  if (held) run_.target_gates[t].Succeeded();
  for (std::size_t i = 0; i < places.size(); ++i) {
    const Sample& sample = batch.samples[places[i]];
    SampleState& state = states[places[i]];
    const Millis ttl = TtlOf(batch.chunk.entries[sample.entry], t);
    if (!held || i >= held->size()) {
      if (state == SampleState::kWarm) state = SampleState::kUnread;
    } else if (!IsWarm((*held)[i], sample, ttl)) {
      state = SampleState::kCold;
    }
  }
  co_return true;
}

}  // namespace stoker::warming
