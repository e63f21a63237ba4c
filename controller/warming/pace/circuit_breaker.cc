#include "controller/warming/pace/circuit_breaker.h"

namespace stoker::warming {

std::optional<SteadyTime> CircuitBreaker::Admit(SteadyTime now, WallTime wall) {
  if (state() == State::kClosed) return std::nullopt;
  const std::lock_guard lock(mutex_);
  if (state() == State::kClosed) return std::nullopt;
  if (state() == State::kHalfOpen && probes_left_ == 0) {
    if (now < until_) return until_;
    Open(now, wall);  // its probes got lost
    return until_;
  }
  if (state() == State::kOpen) {
    if (now < until_) return until_;
    Become(State::kHalfOpen);
    until_ = now + options_.open_for;
    probes_left_ = options_.probes;
    successes_ = 0;
  }
  --probes_left_;
  return std::nullopt;
}

std::optional<SteadyTime> CircuitBreaker::Wait(SteadyTime now) const {
  if (state() == State::kClosed) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const bool probes_are_out = state() == State::kHalfOpen && probes_left_ == 0;
  const bool waits = (state() == State::kOpen || probes_are_out) && now < until_;
  return waits ? std::optional(until_) : std::nullopt;
}

void CircuitBreaker::Succeeded(std::uint64_t era) {
  if (state() == State::kClosed) {
    if (failures_.load(std::memory_order_relaxed) != 0)
      failures_.store(0, std::memory_order_relaxed);
    return;
  }
  const std::lock_guard lock(mutex_);
  if (era != this->era() || state() != State::kHalfOpen) return;
  if (++successes_ >= options_.probes) Become(State::kClosed);
}

bool CircuitBreaker::Failed(std::uint64_t era, SteadyTime now, WallTime wall) {
  if (options_.failure_threshold <= 0) return false;
  const std::lock_guard lock(mutex_);
  if (era != this->era() || state() == State::kOpen) return false;
  if (state() == State::kHalfOpen) {
    Open(now, wall);
    return true;
  }
  if (failures_.fetch_add(1, std::memory_order_relaxed) + 1 < options_.failure_threshold)
    return false;
  trips_.fetch_add(1, std::memory_order_relaxed);
  Open(now, wall);
  return true;
}

void CircuitBreaker::Open(SteadyTime now, WallTime wall) {
  Become(State::kOpen);
  until_ = now + options_.open_for;
  if (options_.shards <= 1) return;
  // On to the first slot after that which is this shard's own.
  const auto slot_length = std::chrono::microseconds(options_.open_for).count();
  const auto then = (wall + options_.open_for).time_since_epoch().count();
  auto slot = then / slot_length + 1;
  while (slot % options_.shards != options_.shard) ++slot;
  until_ += std::chrono::microseconds(slot * slot_length - then);
}

void CircuitBreaker::Become(State state) {
  failures_.store(0, std::memory_order_relaxed);
  era_.fetch_add(1, std::memory_order_acq_rel);
  state_.store(state, std::memory_order_release);
}

}  // namespace stoker::warming
