#pragma once

// How fast a run may start requests: in any sliding second at most rate + burst, exactly.
//
// The bucket counts instead of dripping: by `now` floor(elapsed * rate / s) tokens have come into
// being, and a start takes the next one if there is one, never in advance. Tokens beyond `burst`
// that nobody took are lost. The whole state is one counter, so any number of loops share it
// without a lock; arithmetic is in integers, so no error adds up. It starts empty.
//
// Thread safety: any thread.

#include <atomic>
#include <cstdint>
#include <optional>

#include "controller/base/clock.h"
#include "controller/base/duration.h"

namespace stoker::warming {

class TokenBucket {
 public:
  TokenBucket(std::int64_t per_second, std::int64_t burst, SteadyTime start);

  // Takes a token: none left means "took it"; else when to ask again.
  std::optional<SteadyTime> Take(SteadyTime now);

  // The same question, without taking one.
  [[nodiscard]] std::optional<SteadyTime> Wait(SteadyTime now) const;

  // The whole run waits until `until` (a Retry-After); the latest call that reaches furthest wins.
  void PauseUntil(SteadyTime until);
  [[nodiscard]] bool Paused(SteadyTime now) const;

 private:
  [[nodiscard]] std::int64_t Made(SteadyTime now) const;
  [[nodiscard]] SteadyTime TimeOf(std::int64_t token) const;

  const std::int64_t rate_;
  const std::int64_t burst_;
  const SteadyTime start_;
  std::atomic<std::int64_t> used_{0};             // tokens taken or lost so far
  std::atomic<std::int64_t> paused_until_ns_{0};  // since start_
};

}  // namespace stoker::warming
