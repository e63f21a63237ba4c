#include "controller/reconcile/schedule_slots.h"

#include <algorithm>
#include <chrono>

namespace stoker::reconcile {

ScheduleSlots::ScheduleSlots(const schedule::Cron& cron, const schedule::Zone& zone, WallTime base)
    : cron_(cron), zone_(zone), base_(std::chrono::floor<std::chrono::seconds>(base)) {}

// How many whole intervals of @every lie between the base and `until`.
std::int64_t ScheduleSlots::Intervals(WallTime until) const {
  return until <= base_ ? 0 : (until - base_) / *cron_.Interval();
}

std::optional<WallTime> ScheduleSlots::Next(WallTime now) const {
  if (const auto interval = cron_.Interval()) return base_ + *interval * (Intervals(now) + 1);
  return cron_.Next(now, zone_);
}

MissedSlots ScheduleSlots::Passed(WallTime after, WallTime now) const {
  after = std::max(after, base_);
  if (const auto interval = cron_.Interval()) {
    const std::int64_t newest = Intervals(now);
    const std::int64_t count = newest - Intervals(after);
    if (count <= 0) return {};
    return {base_ + *interval * newest,
            static_cast<int>(std::min<std::int64_t>(count, kTooManyMissed + 1))};
  }
  MissedSlots found = Walk(after, now, kTooManyMissed);
  if (found.count <= kTooManyMissed) return found;
  // Many: look back from now in growing windows until one holds a slot. A window that holds none is
  // left after one step, so a schedule that ran every minute for a year costs no more than an hour
  // of it.
  for (auto window = std::chrono::seconds(60);; window *= 4) {
    const WallTime from = std::max(after, now - std::chrono::microseconds(window));
    const MissedSlots recent = Walk(from, now, 100'000);
    if (recent.latest || from == after) {
      found.latest = recent.latest;
      return found;
    }
  }
}

// The newest slot on the calendar in (from, now]; every slot is visited once.
MissedSlots ScheduleSlots::Walk(WallTime from, WallTime now, int most) const {
  MissedSlots found;
  for (auto slot = cron_.Next(from, zone_); slot && *slot <= now; slot = cron_.Next(*slot, zone_)) {
    found.latest = slot;
    if (++found.count > most) break;
  }
  return found;
}

}  // namespace stoker::reconcile
