#pragma once

// When an origin is so slow that warming must end now, and not merely slow down.
//
// It is when half of the last requests (as many as may be in flight, at least eight, none older than
// `window`) took longer than `stop_above`. Counting the last requests and not a mean over the window
// means that an origin which was quick until now is believed to be slow as soon as the requests in
// flight say so: after one latency, not after one window.
//
// Thread safety: any thread.

#include <cstddef>
#include <mutex>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/duration.h"

namespace stoker::warming {

struct LatencyStopOptions {
  Millis stop_above{0};  // 0: never
  Millis window{10'000};
  int in_flight = 1;
};

class LatencyStop {
 public:
  explicit LatencyStop(LatencyStopOptions options);

  // A request ended, well or by its timeout. True: stop; then nothing is remembered.
  bool Finished(SteadyTime now, std::chrono::microseconds latency);

 private:
  struct Sample {
    SteadyTime at;
    bool slow = false;
  };

  const LatencyStopOptions options_;
  std::mutex mutex_;
  std::vector<Sample> ring_;
  std::size_t next_ = 0, held_ = 0;
};

}  // namespace stoker::warming
