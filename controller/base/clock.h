#pragma once

// Time, injected, so that a decision can be tested at any moment of any year.
//
// Wall() is for what people and the API server read (slots, stamps, leases' renewTime); Steady() is
// for measuring how long something took and for deadlines, and never jumps.
//
// Thread safety: both clocks may be read from any thread.

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>

#include "controller/base/result.h"

namespace stoker {

using WallTime = std::chrono::sys_time<std::chrono::microseconds>;
using SteadyTime = std::chrono::steady_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual WallTime Wall() const = 0;
  [[nodiscard]] virtual SteadyTime Steady() const = 0;
};

// The machine's clocks. Lives for the whole process.
const Clock& SystemClock();

// A clock that moves only when told to.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(WallTime start) : wall_us_(start.time_since_epoch().count()) {}
  [[nodiscard]] WallTime Wall() const override;
  [[nodiscard]] SteadyTime Steady() const override;
  void Advance(std::chrono::microseconds by);

 private:
  std::atomic<std::int64_t> wall_us_;
  std::atomic<std::int64_t> steady_us_{0};
};

// RFC 3339 in UTC as Kubernetes writes metav1.Time ("2026-11-27T06:00:00Z") and metav1.MicroTime.
std::string FormatTime(WallTime time);
std::string FormatMicroTime(WallTime time);
// Any RFC 3339 time, with zone offset and fraction.
Result<WallTime> ParseTime(std::string_view text);

}  // namespace stoker
