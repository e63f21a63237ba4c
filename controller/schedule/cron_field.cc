#include "controller/schedule/cron_field.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace stoker::schedule {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                      "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kDays = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

Error Bad(const FieldRule& rule, const std::string& what) {
  return Invalid(fmt::format("{}: {}", rule.name, what));
}

Result<std::int64_t> ParseNumber(std::string_view text, const FieldRule& rule) {
  std::string_view digits = text;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (failure != std::errc{} || end != digits.data() + digits.size() || digits.starts_with('-'))
    return Bad(rule, fmt::format("\"{}\" is not a number{}", text.substr(0, 40),
                                 rule.names.empty() ? "" : " or a name"));
  return value;
}

Result<std::int64_t> ParseValue(std::string_view text, const FieldRule& rule) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  const auto named = std::ranges::find(rule.names, lower);
  if (named != rule.names.end()) return rule.min + (named - rule.names.begin());
  return ParseNumber(text, rule);
}

struct Range {
  std::int64_t start = 0;
  std::int64_t end = 0;
  bool single = false;  // one value, no hyphen
  bool star = false;
};

Result<Range> ParseRange(std::string_view text, const FieldRule& rule) {
  const auto ends = Split(text, '-');
  Range range{.single = ends.size() == 1};
  if (ends[0] == "*" || ends[0] == "?") {
    range.star = true;
    range.start = rule.min;
    range.end = rule.max;
    return range;
  }
  STOKER_TRY(range.start, ParseValue(ends[0], rule));
  range.end = range.start;
  if (ends.size() > 2) return Bad(rule, fmt::format("\"{}\" has more than one hyphen", text));
  if (ends.size() == 2) {
    STOKER_TRY(range.end, ParseValue(ends[1], rule));
  }
  return range;
}

// One member of a list: a value, a range or a star, with an optional step.
Result<std::uint64_t> ParseTerm(std::string_view text, const FieldRule& rule) {
  const auto parts = Split(text, '/');
  STOKER_TRY(Range range, ParseRange(parts[0], rule));
  std::int64_t step = 1;
  if (parts.size() > 2) return Bad(rule, fmt::format("\"{}\" has more than one slash", text));
  if (parts.size() == 2) {
    STOKER_TRY(step, ParseNumber(parts[1], rule));
    if (range.single) range.end = rule.max;  // "5/15" runs on to the field's end
  }
  if (range.start < rule.min)
    return Bad(rule, fmt::format("{} is below {}", range.start, rule.min));
  if (range.end > rule.max) return Bad(rule, fmt::format("{} is above {}", range.end, rule.max));
  if (range.start > range.end) return Bad(rule, fmt::format("\"{}\" begins after its end", text));
  if (step == 0) return Bad(rule, fmt::format("\"{}\" has a step of 0", text));
  std::uint64_t bits = range.star && step == 1 ? kUnrestricted : 0;
  for (std::int64_t value = range.start; value <= range.end;) {
    bits |= std::uint64_t{1} << value;
    if (step > range.end - value) break;
    value += step;
  }
  return bits;
}

// The seconds of a Go duration's unit; nullopt: no such unit.
std::optional<double> UnitNanos(std::string_view unit) {
  if (unit == "ns") return 1;
  if (unit == "us" || unit == "\u00b5s" || unit == "\u03bcs") return 1e3;
  if (unit == "ms") return 1e6;
  if (unit == "s") return 1e9;
  if (unit == "m") return 60e9;
  if (unit == "h") return 3600e9;
  return std::nullopt;
}

}  // namespace

const FieldRule kMinuteRule{"minute", 0, 59, {}};
const FieldRule kHourRule{"hour", 0, 23, {}};
const FieldRule kDayOfMonthRule{"day of month", 1, 31, {}};
const FieldRule kMonthRule{"month", 1, 12, kMonths};
const FieldRule kDayOfWeekRule{"day of week", 0, 6, kDays};

Result<std::uint64_t> ParseField(std::string_view text, const FieldRule& rule) {
  std::uint64_t bits = 0;
  for (const std::string_view term : Split(text, ',')) {
    if (term.empty()) continue;
    STOKER_TRY(const std::uint64_t more, ParseTerm(term, rule));
    bits |= more;
  }
  return bits;
}

Result<std::int64_t> ParseEverySeconds(std::string_view text) {
  const auto bad = [&] {
    return Invalid(
        fmt::format("@every: \"{}\" is not a duration such as 90s or 1h30m", text.substr(0, 40)));
  };
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return 1;
  if (rest.empty()) return bad();
  long double nanos = 0;
  while (!rest.empty()) {
    const size_t digits = std::min(rest.find_first_not_of("0123456789."), rest.size());
    const std::string number(rest.substr(0, digits));
    if (number.find_first_of("0123456789") == std::string::npos ||
        std::ranges::count(number, '.') > 1 || number.size() > 40)
      return bad();
    rest.remove_prefix(digits);
    const size_t letters = std::min(rest.find_first_of("0123456789."), rest.size());
    const auto unit = UnitNanos(rest.substr(0, letters));
    if (!unit) return bad();
    rest.remove_prefix(letters);
    nanos += std::strtold(number.c_str(), nullptr) * *unit;
  }
  if (nanos > static_cast<long double>(std::numeric_limits<std::int64_t>::max())) return bad();
  const auto seconds = static_cast<std::int64_t>(nanos) / 1'000'000'000;
  return negative ? 1 : std::max<std::int64_t>(1, seconds);
}

}  // namespace stoker::schedule
