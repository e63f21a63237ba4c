#pragma once

// Two ways to wait on a loop without paying for a timer at every step.
//
// LazyDeadline guards a connection that answers thousands of requests: moving the deadline is a
// store, the timer is armed again only when it rings. Waiter lets one coroutine wait for a
// callback, bounded by a deadline, so that an operation that cannot be cancelled in time is left
// behind instead of waited for.
//
// Thread safety: one loop. Lifetime: a LazyDeadline never rings after its destructor; a Waiter
// outlives its Wait().

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <functional>
#include <memory>
#include <utility>

#include "controller/base/clock.h"

namespace stoker::warming {

class LazyDeadline {
 public:
  LazyDeadline(asio::io_context& loop, std::function<void()> on_expired)
      : state_(std::make_shared<State>(loop, std::move(on_expired))) {}
  ~LazyDeadline() { Stop(); }
  LazyDeadline(const LazyDeadline&) = delete;
  LazyDeadline& operator=(const LazyDeadline&) = delete;

  void Set(SteadyTime at) {
    if (!state_->on_expired) return;
    state_->deadline = at;
    if (at < state_->armed_for) Arm(state_);
  }
  void Clear() { state_->deadline = SteadyTime::max(); }
  // For good: nothing of it stays on the loop.
  void Stop() {
    Clear();
    state_->on_expired = nullptr;
    state_->timer.cancel();
  }
  [[nodiscard]] bool IsSet() const { return state_->deadline != SteadyTime::max(); }

 private:
  struct State {
    State(asio::io_context& loop, std::function<void()> f)
        : timer(loop), on_expired(std::move(f)) {}
    asio::steady_timer timer;
    std::function<void()> on_expired;
    SteadyTime deadline = SteadyTime::max();
    SteadyTime armed_for = SteadyTime::max();
  };

  static void Arm(const std::shared_ptr<State>& state) {
    state->armed_for = state->deadline;
    state->timer.expires_at(state->deadline);
    state->timer.async_wait([state](std::error_code ec) {
      if (ec || !state->on_expired) return;
      state->armed_for = SteadyTime::max();
      if (state->deadline == SteadyTime::max()) return;
      if (std::chrono::steady_clock::now() < state->deadline) return Arm(state);
      state->deadline = SteadyTime::max();
      state->on_expired();
    });
  }

  std::shared_ptr<State> state_;
};

class Waiter {
 public:
  explicit Waiter(asio::io_context& loop) : timer_(loop) {}

  // Returns when Finish() or Cancel() was called, or when the deadline has passed.
  asio::awaitable<void> Wait(SteadyTime deadline) {
    if (finished_) co_return;
    std::error_code ignored;
    timer_.expires_at(deadline);
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  void Finish() {
    finished_ = true;
    timer_.cancel();
  }
  void Cancel() {
    cancelled_ = true;
    Finish();
  }
  [[nodiscard]] bool finished() const { return finished_; }
  [[nodiscard]] bool cancelled() const { return cancelled_; }

 private:
  asio::steady_timer timer_;
  bool finished_ = false;
  bool cancelled_ = false;
};

}  // namespace stoker::warming
