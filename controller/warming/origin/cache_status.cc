#include "controller/warming/origin/cache_status.h"

#include <strings.h>

#include <algorithm>
#include <cctype>

namespace stoker::warming {
namespace {

constexpr std::size_t kMostHeaders = 6;

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool IsLetter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }

// The word "hit" in what the nearest cache says, unless it is "hit for pass" or "hit-for-miss".
bool SaysHit(std::string_view value) {
  value = value.substr(value.rfind(',') + 1);
  for (std::size_t at = 0; at + 3 <= value.size(); ++at) {
    if (strncasecmp(value.data() + at, "hit", 3) != 0) continue;
    const bool begins = at == 0 || !IsLetter(value[at - 1]);
    const std::string_view rest = value.substr(at + 3);
    const bool ends = rest.empty() || !IsLetter(rest.front());
    const bool is_for = rest.size() >= 4 && strncasecmp(rest.data() + 1, "for", 3) == 0;
    if (begins && ends && !is_for) return true;
  }
  return false;
}

CacheVerdict JudgeHeader(const std::string& name, std::string_view value) {
  value = Trimmed(value);
  if (strcasecmp(name.c_str(), "age") == 0) {
    return value.find_first_not_of('0') == std::string_view::npos ? CacheVerdict::kAge
                                                                  : CacheVerdict::kHit;
  }
  if (strcasecmp(name.c_str(), "x-varnish") ==
      0) {  // of this request, and of the one that stored it
    return value.find(' ') == std::string_view::npos ? CacheVerdict::kMiss : CacheVerdict::kHit;
  }
  return SaysHit(value) ? CacheVerdict::kHit : CacheVerdict::kMiss;
}

}  // namespace

CacheStatusReader::CacheStatusReader(const std::string& header) {
  if (header.empty()) {
    headers_ = {"X-Cache-Status", "X-Cache", "CF-Cache-Status", "Cache-Status", "X-Varnish", "Age"};
  } else {
    headers_ = {header};
  }
}

CacheVerdict CacheStatusReader::Judge(std::string_view kept) const {
  std::size_t best = kMostHeaders;
  std::string_view told;
  while (kept.size() >= 2 && kept.front() == '\n') {
    const auto place = static_cast<std::size_t>(kept[1] - '0');
    kept.remove_prefix(2);
    const std::string_view value = kept.substr(0, kept.find('\n'));
    kept.remove_prefix(value.size());
    if (place > best || place >= headers_.size()) continue;  // of a header sent twice the last one
    best = place;
    told = value;
  }
  return best == kMostHeaders ? CacheVerdict::kUnknown : JudgeHeader(headers_[best], told);
}

}  // namespace stoker::warming
