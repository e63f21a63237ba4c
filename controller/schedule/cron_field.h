#pragma once

// The text of one cron field as the set of values it stands for, and Go's way to write a duration.
//
// Thread safety: pure functions.

#include <cstdint>
#include <span>
#include <string_view>

#include "controller/base/result.h"

namespace stoker::schedule {

struct FieldRule {
  std::string_view name;  // for messages
  unsigned min;
  unsigned max;
  std::span<const std::string_view> names;  // names[i] stands for min + i
};

extern const FieldRule kMinuteRule, kHourRule, kDayOfMonthRule, kMonthRule, kDayOfWeekRule;

inline constexpr std::uint64_t kUnrestricted = std::uint64_t{1} << 63;  // the field holds a star

// Bit i is set when value i matches.
Result<std::uint64_t> ParseField(std::string_view text, const FieldRule& rule);

// Whole seconds, at least one, of a duration as Go writes it: "1h30m", "1.5h", "90s".
Result<std::int64_t> ParseEverySeconds(std::string_view text);

}  // namespace stoker::schedule
