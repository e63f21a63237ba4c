#pragma once

// How fast values may be written to one target: so many a second, so many bytes a second, so many at a
// time, over all loops of a run.
//
// Thread safety: any thread.

#include <atomic>
#include <cstdint>
#include <optional>

#include "controller/base/clock.h"
#include "controller/warming/pace/byte_rate.h"
#include "controller/warming/pace/token_bucket.h"

namespace stoker::warming {

struct WritePaceOptions {  // 0: no bound
  std::int64_t per_second = 0;
  std::int64_t bytes_per_second = 0;
  std::int64_t in_flight = 0;
};

class WritePace {
 public:
  WritePace(WritePaceOptions options, SteadyTime start);

  // None: a value of so many bytes may be written, and Answered() is to be called; else when to ask
  // again.
  std::optional<SteadyTime> Ask(SteadyTime now, std::int64_t bytes);
  void Answered() { in_flight_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  const WritePaceOptions options_;
  TokenBucket bucket_;
  ByteRate bytes_;
  std::atomic<std::int64_t> in_flight_{0};
};

}  // namespace stoker::warming
