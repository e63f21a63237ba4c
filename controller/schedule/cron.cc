#include "controller/schedule/cron.h"

#include <fmt/format.h>

#include <chrono>
#include <string>
#include <vector>

#include "controller/schedule/cron_field.h"

namespace stoker::schedule {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::months;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::sys_seconds;

constexpr size_t kMaxExpression = 256;

bool Has(std::uint64_t bits, unsigned value) { return (bits >> value & 1) != 0; }

// An instant seen as a calendar and a clock on the wall of its zone.
class WallClock {
 public:
  WallClock(const Zone& zone, sys_seconds instant) : zone_(zone), period_(zone.At(instant)) {
    Set(instant);
  }

  [[nodiscard]] sys_seconds instant() const { return instant_; }
  [[nodiscard]] int Year() const { return static_cast<int>(date_.year()); }
  [[nodiscard]] unsigned Month() const { return static_cast<unsigned>(date_.month()); }
  [[nodiscard]] unsigned Day() const { return static_cast<unsigned>(date_.day()); }
  [[nodiscard]] unsigned Weekday() const { return std::chrono::weekday(day_).c_encoding(); }
  [[nodiscard]] unsigned Hour() const { return static_cast<unsigned>(time_ / hours(1)); }
  [[nodiscard]] unsigned Minute() const { return static_cast<unsigned>(time_ / minutes(1) % 60); }
  [[nodiscard]] unsigned Second() const { return static_cast<unsigned>(time_.count() % 60); }

  void Advance(seconds by) { Set(instant_ + by); }
  void StartOfMonth() { SetWall(sys_days(date_.year() / date_.month() / 1)); }
  void StartOfDay() { SetWall(day_); }
  void StartOfHour() { SetWall(day_ + hours(Hour())); }
  void StartOfMinute() { Set(floor<minutes>(instant_)); }
  // The same date and time a month or a day on; the 31st of a short month runs into the next.
  void NextMonth() {
    const auto month = date_.year() / date_.month() + months(1);
    SetWall(sys_days(month / 1) + days(Day() - 1) + time_);
  }
  // A day that the zone left out (Apia, 30 December 2011) is passed over.
  void NextDay() {
    const sys_seconds before = instant_;
    const sys_seconds wall = day_ + time_;
    for (days ahead(1); instant_ <= before; ++ahead) SetWall(wall + ahead);
  }

 private:
  void Set(sys_seconds instant) {
    instant_ = instant;
    if (instant < period_.begin || instant >= period_.end) period_ = zone_.At(instant);
    const sys_seconds wall = instant + period_.offset;
    day_ = floor<days>(wall);
    date_ = std::chrono::year_month_day(day_);
    time_ = wall - day_;
  }

  // Wall time to instant. A wall time that is skipped or comes twice is resolved as Go's time.Date
  // does it: by the offset that holds around the wall time read as UTC, corrected once.
  void SetWall(sys_seconds wall) {
    const Zone::Period guess = zone_.At(wall);
    const sys_seconds instant = wall - guess.offset;
    const bool holds = instant >= guess.begin && instant < guess.end;
    Set(holds ? instant : wall - zone_.At(instant).offset);
  }

  const Zone& zone_;
  Zone::Period period_;
  sys_seconds instant_;
  sys_days day_;
  std::chrono::year_month_day date_;
  seconds time_{0};  // since the wall's midnight
};

struct Macro {
  std::string_view name;
  std::string_view fields;
};
constexpr Macro kMacros[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
    {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
    {"@hourly", "0 * * * *"},
};

std::vector<std::string_view> Words(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  std::vector<std::string_view> words;
  for (;;) {
    const size_t start = text.find_first_not_of(kSpace);
    if (start == std::string_view::npos) return words;
    text.remove_prefix(start);
    const size_t end = std::min(text.find_first_of(kSpace), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

Result<std::string_view> ExpandMacro(std::string_view expression) {
  for (const Macro& macro : kMacros)
    if (expression == macro.name) return macro.fields;
  return Invalid(
      fmt::format("\"{}\" is none of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, "
                  "@annually and \"@every 1h30m\"",
                  expression));
}

}  // namespace

// Walks from the largest unit to the smallest; a unit that runs over starts the walk again. The
// first unit that moves sets the smaller ones to their beginning, once.
class SlotSearch {
 public:
  SlotSearch(const Cron& cron, const Zone& zone, sys_seconds from)
      : cron_(cron), wall_(zone, from) {}

  std::optional<WallTime> Run() {
    const int last_year = wall_.Year() + 5;
    while (wall_.Year() <= last_year)
      if (FindMonth() && FindDay() && FindHour() && FindMinute() && FindSecond())
        return wall_.instant();
    return std::nullopt;
  }

 private:
  [[nodiscard]] bool DayMatches() const {
    const bool date = Has(cron_.day_of_month_, wall_.Day());
    const bool weekday = Has(cron_.day_of_week_, wall_.Weekday());
    const bool both = ((cron_.day_of_month_ | cron_.day_of_week_) & kUnrestricted) != 0;
    return both ? date && weekday : date || weekday;
  }

  // Each: true when the unit matches, false when the next larger unit began.
  bool FindMonth() {
    while (!Has(cron_.month_, wall_.Month())) {
      if (FirstMove()) wall_.StartOfMonth();
      wall_.NextMonth();
      if (wall_.Month() == 1) return false;
    }
    return true;
  }

  bool FindDay() {
    while (!DayMatches()) {
      if (FirstMove()) wall_.StartOfDay();
      wall_.NextDay();
      // Midnight was skipped: its instant shows as 23:00 of the day before or as 01:00.
      if (const auto hour = static_cast<int>(wall_.Hour()); hour != 0)
        wall_.Advance(hours(hour > 12 ? 24 - hour : -hour));
      if (wall_.Day() == 1) return false;
    }
    return true;
  }

  bool FindHour() {
    while (!Has(cron_.hour_, wall_.Hour())) {
      if (FirstMove()) wall_.StartOfHour();
      wall_.Advance(hours(1));
      if (wall_.Hour() == 0) return false;
    }
    return true;
  }

  bool FindMinute() {
    while (!Has(cron_.minute_, wall_.Minute())) {
      if (FirstMove()) wall_.StartOfMinute();
      wall_.Advance(minutes(1));
      if (wall_.Minute() == 0) return false;
    }
    return true;
  }

  bool FindSecond() {
    while (wall_.Second() != 0) {
      FirstMove();
      wall_.Advance(seconds(1));
      if (wall_.Second() == 0) return false;
    }
    return true;
  }

  bool FirstMove() { return !std::exchange(moved_, true); }

  const Cron& cron_;
  WallClock wall_;
  bool moved_ = false;
};

Result<Cron> Cron::Parse(std::string_view expression) {
  if (expression.size() > kMaxExpression)
    return Invalid(fmt::format("the schedule is longer than {} characters", kMaxExpression));
  if (expression.find("TZ=") != std::string_view::npos)
    return Invalid("TZ= and CRON_TZ= are not accepted in a schedule; set timeZone instead");
  Cron cron;
  constexpr std::string_view kEvery = "@every ";
  if (expression.starts_with(kEvery)) {
    STOKER_TRY(cron.every_seconds_, ParseEverySeconds(expression.substr(kEvery.size())));
    return cron;
  }
  if (expression.starts_with('@')) {
    STOKER_TRY(expression, ExpandMacro(expression));
  }
  const auto fields = Words(expression);
  if (fields.size() != 5)
    return Invalid(
        fmt::format("\"{}\" has {} fields; a schedule has five: minute, hour, day of month, "
                    "month, day of week",
                    expression, fields.size()));
  STOKER_TRY(cron.minute_, ParseField(fields[0], kMinuteRule));
  STOKER_TRY(cron.hour_, ParseField(fields[1], kHourRule));
  STOKER_TRY(cron.day_of_month_, ParseField(fields[2], kDayOfMonthRule));
  STOKER_TRY(cron.month_, ParseField(fields[3], kMonthRule));
  STOKER_TRY(cron.day_of_week_, ParseField(fields[4], kDayOfWeekRule));
  return cron;
}

std::optional<seconds> Cron::Interval() const {
  return every_seconds_ > 0 ? std::optional(seconds(every_seconds_)) : std::nullopt;
}

std::optional<WallTime> Cron::Next(WallTime after, const Zone& zone) const {
  const sys_seconds whole = floor<seconds>(after);
  if (every_seconds_ > 0) return whole + seconds(every_seconds_);
  // A list of commas alone parses and names no value.
  if (minute_ == 0 || hour_ == 0 || month_ == 0) return std::nullopt;
  return SlotSearch(*this, zone, whole + seconds(1)).Run();
}

}  // namespace stoker::schedule
