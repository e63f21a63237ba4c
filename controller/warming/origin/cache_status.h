#pragma once

// Whether an HTTP cache had the answer already, by what it says of itself in the response's headers.
//
// Caches say it in many ways: X-Cache-Status (nginx, by convention), X-Cache ("HIT", "Hit from
// cloudfront", "TCP_HIT"; of several caches on the way the last is the nearest), CF-Cache-Status,
// Cache-Status (RFC 9211), X-Varnish with two numbers, and Age. The first of these that is there
// decides, or the one header that the policy names.
//
// Thread safety: const after construction.

#include <string>
#include <string_view>
#include <vector>

namespace stoker::warming {

enum class CacheVerdict {
  kHit,
  kMiss,
  kAge,      // nothing but "Age: 0": a miss, or a hit within the first second
  kUnknown,  // no header says anything
};

class CacheStatusReader {
 public:
  explicit CacheStatusReader(const std::string& header = {});  // empty: those above
  // The headers that it wants to see.
  [[nodiscard]] const std::vector<std::string>& headers() const { return headers_; }
  // `kept`: for each that was there a line break, its place in headers() as one digit, and its
  // value.
  [[nodiscard]] CacheVerdict Judge(std::string_view kept) const;

 private:
  std::vector<std::string> headers_;  // the most telling first
};

}  // namespace stoker::warming
