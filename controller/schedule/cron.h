#pragma once

// When a cron expression is due, exactly as Kubernetes' CronJob (robfig/cron v3, standard parser) has it.
//
// Five fields (minute hour day-of-month month day-of-week), names, ranges, steps, lists, `?`, @hourly-style
// macros and @every. Day-of-month OR day-of-week when neither starts with `*`. A skipped hour (DST) does
// not run, a repeated hour runs twice. A date that does not come within five years never comes.
// `TZ=` and `CRON_TZ=` inside the expression are refused: the zone has a field of its own.
//
// Thread safety: const methods from any thread.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"

namespace stoker::schedule {

// An IANA zone of the system's database; "Local" and empty are refused.
class Zone {
 public:
  static Result<Zone> Find(std::string_view name);
  // "2026-11-27T07:00:00+01:00"
  [[nodiscard]] std::string Format(WallTime time) const;
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const void* impl() const { return impl_; }  // const date::time_zone*

 private:
  std::string name_;
  const void* impl_ = nullptr;  // lives as long as the process
};

class Cron {
 public:
  static Result<Cron> Parse(std::string_view expression);
  // The first slot strictly after `after`; nullopt: none within five years.
  [[nodiscard]] std::optional<WallTime> Next(WallTime after, const Zone& zone) const;

 private:
  std::uint64_t minute_ = 0, hour_ = 0, day_of_month_ = 0, month_ = 0, day_of_week_ = 0;
  std::int64_t every_seconds_ = 0;  // @every; 0: a field expression
};

}  // namespace stoker::schedule
