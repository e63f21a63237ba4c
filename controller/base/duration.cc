#include "controller/base/duration.h"

#include <fmt/format.h>

#include <cstdint>

namespace stoker {
namespace {
constexpr std::int64_t kMaxMillis = std::int64_t{1000} * 3600 * 24 * 365 * 100;
}

Result<Millis> ParseDuration(std::string_view text) {
  const auto bad = [&] {
    return Invalid(
        fmt::format("\"{}\" is not a duration such as 500ms, 5s or 1h30m", text.substr(0, 40)));
  };
  if (text.empty() || text.size() > 32) return bad();
  std::int64_t total = 0;
  size_t pos = 0;
  while (pos < text.size()) {
    const size_t start = pos;
    std::int64_t number = 0;
    while (pos < text.size() && text[pos] >= '0' && text[pos] <= '9') {
      number = number * 10 + (text[pos++] - '0');
      if (number > kMaxMillis) return bad();
    }
    if (pos == start) return bad();
    const std::string_view rest = text.substr(pos);
    std::int64_t unit = 0;
    size_t width = 1;
    if (rest.starts_with("ms")) {
      unit = 1;
      width = 2;
    } else if (rest.starts_with("s")) {
      unit = 1000;
    } else if (rest.starts_with("m")) {
      unit = 60'000;
    } else if (rest.starts_with("h")) {
      unit = 3'600'000;
    } else {
      return bad();
    }
    pos += width;
    if (number > kMaxMillis / unit) return bad();
    total += number * unit;
    if (total > kMaxMillis) return bad();
  }
  return Millis(total);
}

std::string FormatDuration(Millis duration) {
  std::int64_t rest = duration.count();
  if (rest <= 0) return "0s";
  std::string text;
  for (const auto& [unit, suffix] : {std::pair<std::int64_t, const char*>{3'600'000, "h"},
                                     {60'000, "m"},
                                     {1000, "s"},
                                     {1, "ms"}}) {
    if (rest >= unit) text += fmt::format("{}{}", rest / unit, suffix);
    rest %= unit;
  }
  return text;
}

}  // namespace stoker
