#include "controller/api/cel/text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace stoker::api::cel {
namespace {

bool BeginsCodePoint(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

}  // namespace

std::size_t CountCodePoints(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), BeginsCodePoint));
}

std::size_t CodePointOffset(std::string_view text, std::size_t index) {
  std::size_t seen = 0;
  for (std::size_t byte = 0; byte < text.size(); ++byte) {
    if (BeginsCodePoint(text[byte]) && seen++ == index) return byte;
  }
  return text.size();
}

std::vector<std::string> SplitText(std::string_view text, std::string_view separator) {
  std::vector<std::string> parts;
  if (separator.empty()) {
    for (std::size_t start = 0; start < text.size();) {
      const std::size_t width = CodePointOffset(text.substr(start), 1);
      parts.emplace_back(text.substr(start, width));
      start += width;
    }
    return parts;
  }
  std::size_t start = 0;
  for (std::size_t end = 0; (end = text.find(separator, start)) != std::string_view::npos;) {
    parts.emplace_back(text.substr(start, end - start));
    start = end + separator.size();
  }
  parts.emplace_back(text.substr(start));
  return parts;
}

std::string ReplaceAll(std::string_view text, std::string_view from, std::string_view to) {
  if (from.empty()) return std::string(text);
  std::string replaced;
  std::size_t start = 0;
  for (std::size_t end = 0; (end = text.find(from, start)) != std::string_view::npos;) {
    replaced.append(text.substr(start, end - start)).append(to);
    start = end + from.size();
  }
  return replaced.append(text.substr(start));
}

std::string LowerAscii(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return lower;
}

std::string Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(kSpace) - first + 1));
}

std::optional<std::chrono::nanoseconds> ParseGoDuration(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, std::int64_t>, 6> kUnits = {{
      {"ns", 1},
      {"us", 1'000},
      {"ms", 1'000'000},
      {"s", 1'000'000'000},
      {"m", 60'000'000'000},
      {"h", 3'600'000'000'000},
  }};
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;
  while (!text.empty()) {
    std::int64_t number = 0;
    std::size_t pos = 0;
    for (; pos < text.size() && text[pos] >= '0' && text[pos] <= '9'; ++pos) {
      if (__builtin_mul_overflow(number, 10, &number)) return std::nullopt;
      if (__builtin_add_overflow(number, text[pos] - '0', &number)) return std::nullopt;
    }
    if (pos == 0) return std::nullopt;
    text.remove_prefix(pos);
    const auto* unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const auto& candidate) {
      return text.starts_with(candidate.first);
    });
    if (unit == kUnits.end()) return std::nullopt;
    text.remove_prefix(unit->first.size());
    if (__builtin_mul_overflow(number, unit->second, &number)) return std::nullopt;
    if (__builtin_add_overflow(total, number, &total)) return std::nullopt;
  }
  return std::chrono::nanoseconds(total);
}

}  // namespace stoker::api::cel
