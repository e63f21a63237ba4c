#include "controller/api/quantity.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

namespace stoker::api {
namespace {

constexpr size_t kMaxLength = 64;
constexpr long double kMaxInt64 = 9223372036854775807.0L;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// What a suffix does to the number before it. Dividing by a whole power of ten is exact where the
// result is; multiplying by 0.001 is not.
struct Scale {
  long double factor = 1;
  long double divisor = 1;
};

std::optional<Scale> ExponentScale(std::string_view suffix) {
  if (suffix.size() < 2 || (suffix[0] != 'e' && suffix[0] != 'E')) return std::nullopt;
  suffix.remove_prefix(1);
  const bool negative = suffix[0] == '-';
  if (negative || suffix[0] == '+') suffix.remove_prefix(1);
  constexpr size_t kMaxDigits = 3;
  if (suffix.empty() || suffix.size() > kMaxDigits) return std::nullopt;
  if (!std::all_of(suffix.begin(), suffix.end(), IsDigit)) return std::nullopt;
  int exponent = 0;
  for (const char digit : suffix) exponent = exponent * 10 + (digit - '0');
  const long double power = std::pow(10.0L, exponent);
  return negative ? Scale{1, power} : Scale{power, 1};
}

// nullopt: not a suffix.
std::optional<Scale> SuffixScale(std::string_view suffix) {
  static constexpr std::pair<std::string_view, int> kBinary[] = {
      {"Ki", 10}, {"Mi", 20}, {"Gi", 30}, {"Ti", 40}, {"Pi", 50}, {"Ei", 60}};
  static constexpr std::pair<std::string_view, Scale> kDecimal[] = {
      {"", {1, 1}},     {"n", {1, 1e9L}}, {"u", {1, 1e6L}},  {"m", {1, 1e3L}},  {"k", {1e3L, 1}},
      {"M", {1e6L, 1}}, {"G", {1e9L, 1}}, {"T", {1e12L, 1}}, {"P", {1e15L, 1}}, {"E", {1e18L, 1}}};
  for (const auto& [name, bits] : kBinary) {
    if (suffix == name) return Scale{std::ldexp(1.0L, bits), 1};
  }
  for (const auto& [name, scale] : kDecimal) {
    if (suffix == name) return scale;
  }
  return ExponentScale(suffix);
}

}  // namespace

std::optional<long double> ParseQuantity(std::string_view text) {
  if (text.empty() || text.size() > kMaxLength) return std::nullopt;
  size_t pos = 0;
  const bool negative = text[0] == '-';
  if (text[0] == '-' || text[0] == '+') ++pos;
  long double number = 0;
  long double place = 1;
  bool digits = false;
  bool fraction = false;
  for (; pos < text.size() && (IsDigit(text[pos]) || text[pos] == '.'); ++pos) {
    if (text[pos] == '.') {
      if (fraction) return std::nullopt;
      fraction = true;
      continue;
    }
    digits = true;
    number = number * 10 + (text[pos] - '0');
    if (fraction) place *= 10;
  }
  if (!digits) return std::nullopt;
  const std::optional<Scale> scale = SuffixScale(text.substr(pos));
  if (!scale) return std::nullopt;
  const long double value = number * scale->factor / (place * scale->divisor);
  return negative ? -value : value;
}

Result<std::int64_t> ParseBytes(std::string_view text) {
  const std::optional<long double> value = ParseQuantity(text);
  if (!value || *value <= 0 || *value >= kMaxInt64 || std::floor(*value) != *value) {
    return Invalid(
        fmt::format("\"{}\" is not a whole number of bytes such as 512Ki, 16Mi or 1048576",
                    text.substr(0, kMaxLength)));
  }
  return static_cast<std::int64_t>(*value);
}

}  // namespace stoker::api
