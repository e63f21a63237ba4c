#pragma once

// How coroutines of one loop wait for each other. The condition itself is always a plain variable
// of that loop: look at it, wait, look again. A wait registers before the loop runs anything else,
// so no notification between the look and the wait is lost.
//
// Thread safety: one loop. Lifetime: outlives its waiters.

#include <algorithm>
#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <deque>

#include "controller/base/clock.h"

namespace stoker::warming {

class AsyncEvent {
 public:
  explicit AsyncEvent(asio::io_context& loop) : loop_(loop) {}

  // Returns when notified, and at `until` at the latest.
  asio::awaitable<void> Wait(SteadyTime until = SteadyTime::max()) {
    asio::steady_timer timer(loop_);
    timer.expires_at(until);
    waiting_.push_back(&timer);
    asio::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    if (const auto at = std::find(waiting_.begin(), waiting_.end(), &timer); at != waiting_.end()) {
      waiting_.erase(at);
    }
  }
  void NotifyOne() {
    if (waiting_.empty()) return;
    asio::steady_timer* timer = waiting_.front();
    waiting_.pop_front();
    timer->cancel();
  }
  void NotifyAll() {
    while (!waiting_.empty()) NotifyOne();
  }

 private:
  asio::io_context& loop_;
  std::deque<asio::steady_timer*> waiting_;  // first come, first woken
};

}  // namespace stoker::warming
