#pragma once

// When a cron expression is due, exactly as Kubernetes' CronJob (robfig/cron v3, standard parser)
// has it.
//
// Five fields (minute hour day-of-month month day-of-week), names, ranges, steps, lists, `?`,
// @hourly-style macros and @every. A day must match day-of-month OR day-of-week when both are
// restricted; a field is not restricted if it holds `*`, `?` or `*/1` (`*/2` restricts). A skipped
// hour (DST) does not run, a repeated hour runs twice. A date that does not come within five years
// never comes. `TZ=` and `CRON_TZ=` inside the expression are refused: the zone has a field of its
// own.
//
// tests/unit/schedule/robfig.tsv holds what robfig/cron itself answers; where its way of walking
// days makes it pass over a day whose midnight was skipped, so does this: a slot must not move when
// a CronJob becomes a PrewarmSchedule. One difference: robfig/cron never returns when it meets a
// day that a zone left out (Pacific/Apia, 30 December 2011); here that day is passed over.
//
// Thread safety: const methods from any thread.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/schedule/zone.h"

namespace stoker::schedule {

class Cron {
 public:
  // kInvalid with a sentence that names the field: "minute: 61 is above 59".
  static Result<Cron> Parse(std::string_view expression);
  // The first slot strictly after `after`; nullopt: none within five years.
  [[nodiscard]] std::optional<WallTime> Next(WallTime after, const Zone& zone) const;
  // Of @every: its slots are this far from each other, and so from whatever they are counted from.
  // nullopt: the slots are on the calendar.
  [[nodiscard]] std::optional<std::chrono::seconds> Interval() const;

 private:
  friend class SlotSearch;
  // Bit i: value i matches. kUnrestricted marks a field that holds a star.
  std::uint64_t minute_ = 0, hour_ = 0, day_of_month_ = 0, month_ = 0, day_of_week_ = 0;
  std::int64_t every_seconds_ = 0;  // @every; 0: a field expression
};

}  // namespace stoker::schedule
