#include "controller/warming/origin/retry_after.h"

#include <time.h>

#include <algorithm>
#include <charconv>
#include <string>

namespace stoker::warming {
namespace {

constexpr Millis kLongest = std::chrono::hours(24);

std::string_view Trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// The three forms of RFC 9110: IMF-fixdate, RFC 850, asctime.
std::optional<WallTime> ParseHttpDate(const std::string& text) {
  for (const char* format :
       {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"}) {
    tm parts{};
    const char* end = strptime(text.c_str(), format, &parts);
    if (end != nullptr && *end == '\0') {
      return WallTime(std::chrono::seconds(timegm(&parts)));
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<Millis> ParseRetryAfter(std::string_view header, WallTime now) {
  header = Trim(header);
  if (header.empty() || header.size() > 64) return std::nullopt;
  if (header.find_first_not_of("0123456789") == std::string_view::npos) {
    long long seconds = 0;
    const auto [end, ec] = std::from_chars(header.data(), header.data() + header.size(), seconds);
    if (ec == std::errc::result_out_of_range) return kLongest;
    return std::min<Millis>(kLongest, std::chrono::seconds(std::min(seconds, 86'400LL)));
  }
  const auto date = ParseHttpDate(std::string(header));
  if (!date) return std::nullopt;
  const auto wait = std::chrono::ceil<Millis>(*date - now);
  return std::clamp<Millis>(wait, Millis(0), kLongest);
}

}  // namespace stoker::warming
