#include "controller/api/quantity.h"

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <utility>

namespace stoker::api {
namespace {

constexpr size_t kMaxLength = 64;
constexpr long double kMaxInt64 = 9223372036854775807.0L;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The multiplier of a suffix; nullopt: not a suffix.
std::optional<long double> SuffixFactor(std::string_view suffix) {
  static constexpr std::pair<std::string_view, int> kBinary[] = {
      {"Ki", 10}, {"Mi", 20}, {"Gi", 30}, {"Ti", 40}, {"Pi", 50}, {"Ei", 60}};
  static constexpr std::pair<std::string_view, long double> kDecimal[] = {
      {"", 1.0L},  {"n", 1e-9L}, {"u", 1e-6L}, {"m", 1e-3L}, {"k", 1e3L},
      {"M", 1e6L}, {"G", 1e9L},  {"T", 1e12L}, {"P", 1e15L}, {"E", 1e18L}};
  for (const auto& [name, bits] : kBinary) {
    if (suffix == name) return std::ldexp(1.0L, bits);
  }
  for (const auto& [name, factor] : kDecimal) {
    if (suffix == name) return factor;
  }
  if (suffix.size() < 2 || (suffix[0] != 'e' && suffix[0] != 'E')) return std::nullopt;
  size_t pos = 1;
  const bool negative = suffix[pos] == '-';
  if (suffix[pos] == '-' || suffix[pos] == '+') ++pos;
  if (pos == suffix.size() || suffix.size() - pos > 3) return std::nullopt;
  int exponent = 0;
  for (; pos < suffix.size(); ++pos) {
    if (!IsDigit(suffix[pos])) return std::nullopt;
    exponent = exponent * 10 + (suffix[pos] - '0');
  }
  return std::pow(10.0L, negative ? -exponent : exponent);
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
  const std::optional<long double> factor = SuffixFactor(text.substr(pos));
  if (!factor) return std::nullopt;
  const long double value = number / place * *factor;
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
