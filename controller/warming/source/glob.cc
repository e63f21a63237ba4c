#include "controller/warming/source/glob.h"

#include <cstddef>

namespace stoker::warming {

// The greedy algorithm: on a mismatch only the last star takes one character more, because what an
// earlier star took can stay as it is.
bool GlobMatches(std::string_view pattern, std::string_view text) {
  constexpr std::size_t kNoStar = static_cast<std::size_t>(-1);
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t after_star = kNoStar;
  std::size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      after_star = ++p;
      star_text = t;
      continue;
    }
    if (p < pattern.size()) {
      const bool escaped = pattern[p] == '\\' && p + 1 < pattern.size();
      const std::size_t at = escaped ? p + 1 : p;
      if ((!escaped && pattern[p] == '?') || pattern[at] == text[t]) {
        p = at + 1;
        ++t;
        continue;
      }
    }
    if (after_star == kNoStar) return false;
    p = after_star;
    t = ++star_text;
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace stoker::warming
