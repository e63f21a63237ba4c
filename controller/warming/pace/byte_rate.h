#pragma once

// How many bytes a second a run may move, when a request's size is known only afterwards.
//
// Each request is charged what the last ones cost on average when it begins, and the difference when
// it ended: so short values do not burst, and a long one is paid off before the next begins, once and
// not for every request in flight. What nobody used is lost beyond a tenth of a second's worth. Until
// the first has ended, each is taken to cost a tenth of a second's worth, too.
//
// Source: the generic cell rate algorithm (ITU-T I.371), with the debt settled late.
//
// Thread safety: any thread.

#include <atomic>
#include <cstdint>
#include <optional>

#include "controller/base/clock.h"

namespace stoker::warming {

class ByteRate {
 public:
  // 0 bytes a second: no bound.
  ByteRate(std::int64_t bytes_per_second, SteadyTime start);

  struct Charge {
    std::int64_t bytes = 0;  // what Begin() took
  };
  // None: a request may begin, and `charge` must be given to Ended(). Else: ask again then.
  std::optional<SteadyTime> Begin(SteadyTime now, Charge& charge);
  // The same question, without beginning.
  [[nodiscard]] std::optional<SteadyTime> Wait(SteadyTime now) const;
  void Ended(Charge charge, std::int64_t bytes);
  // It brought nothing, which says nothing about the size of the next.
  void Failed(Charge charge);

 private:
  const std::int64_t rate_;
  const SteadyTime start_;
  std::atomic<std::int64_t> paid_until_ns_{0};  // since start_: all that was charged is paid then
  std::atomic<std::int64_t> expected_;          // bytes of a request
  std::atomic<bool> measured_{false};           // expected_ is more than a guess
};

}  // namespace stoker::warming
