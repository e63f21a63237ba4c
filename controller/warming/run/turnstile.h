#pragma once

// Where the coroutines of one loop wait for something that comes one at a time, such as a token: the
// first asks and sets a timer, the others wait for their turn. A thousand that wait cost one timer,
// and who came first goes first.
//
// Thread safety: one loop. Lifetime: outlives its waiters.

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <optional>

#include "controller/base/clock.h"
#include "controller/warming/run/async_event.h"

namespace stoker::warming {

class Turnstile {
 public:
  explicit Turnstile(asio::io_context& loop) : turn_(loop), answer_(loop) {}

  // Somebody waits: whoever comes now queues, and does not ask for itself.
  [[nodiscard]] bool Taken() const { return taken_; }
  // Waits until `ask()` gives none; what it gives else is when to ask again, or sooner, after Look().
  // False: `may_wait()` said no.
  template <typename Ask, typename MayWait>
  asio::awaitable<bool> Pass(Ask ask, MayWait may_wait) {
    while (taken_ && may_wait()) co_await turn_.Wait();
    taken_ = true;
    while (may_wait()) {
      const std::optional<SteadyTime> again = ask();
      if (!again) break;
      co_await answer_.Wait(*again);
    }
    taken_ = false;
    turn_.NotifyOne();
    co_return may_wait();
  }
  // The answer may have changed.
  void Look() { answer_.NotifyAll(); }
  // The same, and may_wait() too.
  void WakeAll() {
    turn_.NotifyAll();
    answer_.NotifyAll();
  }

 private:
  AsyncEvent turn_, answer_;
  bool taken_ = false;
};

}  // namespace stoker::warming
