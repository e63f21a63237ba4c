#pragma once

// When an origin is so slow that warming must end now, and not merely slow down.
//
// It is when half of the last requests (as many as may be in flight, four at least, none older than
// `window`) took longer than `stop_above`. Those that have been out for longer count, too, so an origin
// that has stopped answering need not be waited for. Counting the last requests and not a mean over
// the window means that an origin which was quick until now is believed to be slow as soon as the
// requests in flight say so: after one latency, not after one window.
//
// Thread safety: any thread.

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
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

  struct Request {  // one that is out
    std::uint64_t era = 0;
    int place = -1;
  };
  struct Slowness {
    int slow = 0;  // took longer than stop_above, or are out for longer
    int of = 0;    // the last requests
  };

  Request Began(SteadyTime now);
  // It waits for leave to send once more; it has it.
  void Rests(Request request);
  void GoesOn(SteadyTime now, Request request);
  // A request ended, well or by its timeout. A value: stop.
  std::optional<Slowness> Finished(SteadyTime now, Request request,
                                   std::chrono::microseconds latency);
  // Looks at those that are out; to be called now and then.
  std::optional<Slowness> Look(SteadyTime now);
  // Remembers nothing: not even what is out says anything about the origin from now on.
  void Forget();

 private:
  void Since(Request request, SteadyTime time);
  struct Sample {
    SteadyTime at;
    bool slow = false;
  };
  [[nodiscard]] std::optional<Slowness> Judge(SteadyTime now) const;

  const LatencyStopOptions options_;
  const int fewest_;  // slow ones that are a reason to stop
  std::mutex mutex_;  // what follows
  std::uint64_t era_ = 0;
  std::vector<Sample> ring_;
  std::size_t next_ = 0, held_ = 0;
  std::vector<SteadyTime> out_;  // by place: when it began; max: nobody
  std::vector<int> free_;        // places
};

}  // namespace stoker::warming
