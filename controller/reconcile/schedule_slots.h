#pragma once

// Which slots of a schedule have passed, and which is the next.
//
// Slots on the calendar are the same from wherever one counts. Those of @every are not: they are
// counted from the last slot that started a run, or from the schedule's creation, and from there
// only, or each look at the clock would move them.
//
// Thread safety: pure functions. Lifetime: the cron expression and the zone outlive it.

#include <optional>

#include "controller/base/clock.h"
#include "controller/schedule/cron.h"

namespace stoker::reconcile {

inline constexpr int kTooManyMissed = 100;

struct MissedSlots {
  std::optional<WallTime> latest;
  int count = 0;  // capped at kTooManyMissed + 1
};

class ScheduleSlots {
 public:
  ScheduleSlots(const schedule::Cron& cron, const schedule::Zone& zone, WallTime base);

  // The first after `now`; nullopt: none within five years.
  [[nodiscard]] std::optional<WallTime> Next(WallTime now) const;
  // Those in (after, now], none of them before the base.
  [[nodiscard]] MissedSlots Passed(WallTime after, WallTime now) const;

 private:
  [[nodiscard]] MissedSlots Walk(WallTime from, WallTime now, int most) const;
  [[nodiscard]] std::int64_t Intervals(WallTime until) const;

  const schedule::Cron& cron_;
  const schedule::Zone& zone_;
  const WallTime base_;
};

}  // namespace stoker::reconcile
