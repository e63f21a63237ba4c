#include "controller/api/yaml_scalar.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>

#include "controller/api/yaml_text.h"
#include "controller/base/hash.h"

namespace stoker::api {
namespace {

using nlohmann::json;

constexpr std::string_view kTagPrefix = "tag:yaml.org,2002:";

template <std::size_t n>
bool IsOneOf(std::string_view text, const std::array<std::string_view, n>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

constexpr std::array<std::string_view, 11> kTrue = {"y",    "Y",    "yes", "Yes", "YES", "true",
                                                    "True", "TRUE", "on",  "On",  "ON"};
constexpr std::array<std::string_view, 11> kFalse = {"n",     "N",     "no",  "No",  "NO", "false",
                                                     "False", "FALSE", "off", "Off", "OFF"};
constexpr std::array<std::string_view, 5> kNull = {"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 12> kNotFinite = {".nan",  ".NaN",  ".NAN",  ".inf",
                                                         ".Inf",  ".INF",  "+.inf", "+.Inf",
                                                         "+.INF", "-.inf", "-.Inf", "-.INF"};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The base that a prefix asks for, which is removed: 0x, 0o, 0b, a leading 0, or ten.
int TakeBase(std::string_view& digits) {
  if (digits.size() < 2 || digits[0] != '0') return 10;
  const char mark = static_cast<char>(digits[1] | 0x20);
  const int base = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
  digits.remove_prefix(base == 0 ? 1 : 2);
  return base == 0 ? 8 : base;
}

// A whole number of any base, with sign; nullopt: it is none, or does not fit.
std::optional<json> ParseWhole(std::string_view text) {
  const bool negative = text.starts_with('-');
  const bool has_sign = negative || text.starts_with('+');
  if (has_sign) text.remove_prefix(1);
  if (text.empty() || !IsDigit(text[0])) return std::nullopt;
  const int base = TakeBase(text);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  constexpr std::uint64_t kMinMagnitude = std::uint64_t{1} << 63;
  if (negative) {
    if (value > kMinMagnitude) return std::nullopt;
    return json(static_cast<std::int64_t>(~value + 1));
  }
  if (value < kMinMagnitude) return json(static_cast<std::int64_t>(value));
  return has_sign ? std::nullopt : std::optional<json>(json(value));
}

// [-+]? (.d+ | d+ (. d*)?) ([eE] [-+]? d+)?
bool HasFloatForm(std::string_view text) {
  std::size_t pos = 0;
  const auto digits = [&] {
    const std::size_t start = pos;
    while (pos < text.size() && IsDigit(text[pos])) ++pos;
    return pos - start;
  };
  if (pos < text.size() && (text[pos] == '-' || text[pos] == '+')) ++pos;
  const std::size_t whole = digits();
  std::size_t fraction = 0;
  if (pos < text.size() && text[pos] == '.') {
    ++pos;
    fraction = digits();
  }
  if (whole == 0 && fraction == 0) return false;
  if (pos < text.size() && (text[pos] == 'e' || text[pos] == 'E')) {
    ++pos;
    if (pos < text.size() && (text[pos] == '-' || text[pos] == '+')) ++pos;
    if (digits() == 0) return false;
  }
  return pos == text.size();
}

std::optional<json> ParseFloat(std::string_view text) {
  if (!HasFloatForm(text)) return std::nullopt;
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return NumberAsKubectlWritesIt(value);
}

bool LooksNumeric(std::string_view text) {
  return IsDigit(text[0]) || text[0] == '+' || text[0] == '-' || text[0] == '.';
}

}  // namespace

json NumberAsKubectlWritesIt(double value) {
  constexpr double kWritesDigits = 1e18;
  if (std::floor(value) == value && std::abs(value) < kWritesDigits) {
    return static_cast<std::int64_t>(value);
  }
  return value;
}

Result<json> ResolvePlainScalar(std::string_view text) {
  if (IsOneOf(text, kNull)) return json(nullptr);
  if (IsOneOf(text, kTrue)) return json(true);
  if (IsOneOf(text, kFalse)) return json(false);
  if (IsOneOf(text, kNotFinite))
    return Invalid(fmt::format("{} is not a number that JSON knows", text));
  if (!LooksNumeric(text)) return json(std::string(text));
  std::string plain(text);
  if (text[0] != '.') std::erase(plain, '_');
  if (plain.empty()) return json(std::string(text));
  if (std::optional<json> whole = ParseWhole(plain)) return std::move(*whole);
  if (std::optional<json> number = ParseFloat(plain)) return std::move(*number);
  return json(std::string(text));
}

Result<json> ResolveTaggedScalar(std::string_view tag, std::string_view text) {
  if (!tag.starts_with(kTagPrefix)) return json(std::string(text));
  const std::string_view type = tag.substr(kTagPrefix.size());
  if (type == "str") return json(std::string(text));
  if (type == "binary") {
    std::string encoded(text);
    std::erase_if(encoded, [](char c) { return c == '\n' || c == '\r'; });
    std::string bytes;
    if (!Base64Decode(encoded, bytes)) return Invalid("a !!binary value is not base64");
    if (!IsUtf8(bytes)) return Invalid("a !!binary value is not text, and JSON holds nothing else");
    return json(std::move(bytes));
  }
  STOKER_TRY(json value, ResolvePlainScalar(text));
  const bool fits = (type == "null" && value.is_null()) || (type == "bool" && value.is_boolean()) ||
                    (type == "int" && value.is_number_integer()) ||
                    (type == "float" && value.is_number()) ||
                    (type == "timestamp" && value.is_string());
  if (fits) return value;
  return Invalid(fmt::format("a value with the tag !!{} is none", type.substr(0, 20)));
}

Result<std::string> MemberName(const json& scalar) {
  if (scalar.is_string()) return scalar.get<std::string>();
  if (scalar.is_boolean() || scalar.is_number()) return scalar.dump();
  return Invalid("a field has no name");
}

}  // namespace stoker::api
