#include "controller/base/clock.h"

#include <fmt/format.h>

#include <cstdint>

namespace stoker {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hh_mm_ss;
using std::chrono::microseconds;
using std::chrono::year_month_day;

class RealClock final : public Clock {
 public:
  [[nodiscard]] WallTime Wall() const override {
    return floor<microseconds>(std::chrono::system_clock::now());
  }
  [[nodiscard]] SteadyTime Steady() const override { return std::chrono::steady_clock::now(); }
};

// Reads exactly `width` digits at `pos`, or fails.
bool Digits(std::string_view text, size_t& pos, size_t width, int& value) {
  if (text.size() < pos + width) return false;
  value = 0;
  for (size_t i = 0; i < width; ++i) {
    const char c = text[pos + i];
    if (c < '0' || c > '9') return false;
    value = value * 10 + (c - '0');
  }
  pos += width;
  return true;
}

bool Literal(std::string_view text, size_t& pos, char c) {
  if (pos >= text.size() || text[pos] != c) return false;
  ++pos;
  return true;
}

}  // namespace

const Clock& SystemClock() {
  static const RealClock clock;
  return clock;
}

WallTime FakeClock::Wall() const { return WallTime(microseconds(wall_us_.load())); }
SteadyTime FakeClock::Steady() const { return SteadyTime(microseconds(steady_us_.load())); }
void FakeClock::Advance(microseconds by) {
  wall_us_ += by.count();
  steady_us_ += by.count();
}

std::string FormatTime(WallTime time) {
  const auto day = floor<days>(time);
  const year_month_day ymd(day);
  const hh_mm_ss<microseconds> hms(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(ymd.year()),
                     static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()),
                     hms.hours().count(), hms.minutes().count(), hms.seconds().count());
}

std::string FormatMicroTime(WallTime time) {
  const auto fraction = (time - floor<std::chrono::seconds>(time)).count();
  std::string text = FormatTime(time);
  text.pop_back();
  return fmt::format("{}.{:06}Z", text, fraction);
}

Result<WallTime> ParseTime(std::string_view text) {
  const auto bad = [&] {
    return Invalid(
        fmt::format("\"{}\" is not an RFC 3339 time such as 2026-11-27T06:00:00Z", text));
  };
  size_t pos = 0;
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!Digits(text, pos, 4, year) || !Literal(text, pos, '-') || !Digits(text, pos, 2, month) ||
      !Literal(text, pos, '-') || !Digits(text, pos, 2, day))
    return bad();
  if (!Literal(text, pos, 'T') && !Literal(text, pos, 't')) return bad();
  if (!Digits(text, pos, 2, hour) || !Literal(text, pos, ':') || !Digits(text, pos, 2, minute) ||
      !Literal(text, pos, ':') || !Digits(text, pos, 2, second))
    return bad();
  std::int64_t fraction_us = 0;
  if (Literal(text, pos, '.')) {
    std::int64_t scale = 100'000;
    const size_t start = pos;
    while (pos < text.size() && text[pos] >= '0' && text[pos] <= '9') {
      fraction_us += (text[pos++] - '0') * scale;
      scale /= 10;
    }
    if (pos == start) return bad();
  }
  int offset_minutes = 0;
  if (!Literal(text, pos, 'Z') && !Literal(text, pos, 'z')) {
    int sign = 0, hours = 0, minutes = 0;
    if (Literal(text, pos, '+'))
      sign = 1;
    else if (Literal(text, pos, '-'))
      sign = -1;
    if (sign == 0 || !Digits(text, pos, 2, hours) || !Literal(text, pos, ':') ||
        !Digits(text, pos, 2, minutes) || hours > 23 || minutes > 59)
      return bad();
    offset_minutes = sign * (hours * 60 + minutes);
  }
  const year_month_day ymd{std::chrono::year(year),
                           std::chrono::month(static_cast<unsigned>(month)),
                           std::chrono::day(static_cast<unsigned>(day))};
  if (pos != text.size() || !ymd.ok() || hour > 23 || minute > 59 || second > 60) return bad();
  return WallTime(std::chrono::sys_days(ymd) + std::chrono::hours(hour) +
                  std::chrono::minutes(minute - offset_minutes) + std::chrono::seconds(second) +
                  microseconds(fraction_us));
}

}  // namespace stoker
