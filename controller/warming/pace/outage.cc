#include "controller/warming/pace/outage.h"

#include <algorithm>

namespace stoker::warming {

std::optional<SteadyTime> OutageGate::Admit(SteadyTime now) {
  if (Closed()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  if (!state_.open) return std::nullopt;
  if (now < next_probe_) return next_probe_;
  backoff_ = std::min(backoff_ * 2, limits_.max);
  next_probe_ = now + backoff_;
  return std::nullopt;
}

void OutageGate::Succeeded() {
  successes_.fetch_add(1, std::memory_order_relaxed);
  Answered();
}

void OutageGate::Answered() {
  if (!failing_.load(std::memory_order_relaxed)) return;
  const std::lock_guard lock(mutex_);
  state_ = {};
  strikes_ = 0;
  backoff_ = limits_.first;
  failing_.store(false, std::memory_order_relaxed);
  open_.store(false, std::memory_order_release);
}

bool OutageGate::Failed(SteadyTime now, bool standing, std::string_view reason,
                        std::string_view message) {
  const std::lock_guard lock(mutex_);
  failing_.store(true, std::memory_order_relaxed);
  ++state_.failures;
  state_.standing = standing;
  state_.reason = reason;
  state_.message = message;
  if (!state_.open) {
    if (!standing && state_.failures < kFailuresToOpen) return false;
    state_.open = true;
    strikes_ = 0;
    last_strike_ = now;
    backoff_ = limits_.first;
    next_probe_ = now + backoff_;
    open_.store(true, std::memory_order_release);
    return false;
  }
  if (!standing) {
    strikes_ = 0;
    return false;
  }
  // Requests that were on their way when the gate opened are no probes: strikes are a back-off
  // apart.
  if (now - last_strike_ < limits_.first) return false;
  last_strike_ = now;
  if (++strikes_ < kStandingStrikes || state_.gave_up) return false;
  state_.gave_up = true;
  return true;
}

OutageGate::State OutageGate::Now() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

}  // namespace stoker::warming
