#pragma once

// How long an entry lives in a target: what the source says or else the target, spread by the key's
// hash so that what was warmed together does not expire together. The same key always gets the same
// TTL.
//
// Thread safety: pure.

#include <algorithm>
#include <optional>

#include "controller/base/duration.h"
#include "controller/warming/pace/backoff.h"

namespace stoker::warming {

[[nodiscard]] inline Millis EntryTtl(std::optional<Millis> source, std::optional<Millis> target,
                                     int jitter_percent, std::uint64_t key_hash) {
  const Millis ttl = source.value_or(target.value_or(Millis(0)));
  if (ttl.count() <= 0) return Millis(0);
  const std::int64_t span = ttl.count() * jitter_percent / 100;
  if (span == 0) return ttl;
  const auto offset =
      static_cast<std::int64_t>(Mix(key_hash) % static_cast<std::uint64_t>(2 * span + 1));
  return std::max(Millis(1), ttl + Millis(offset - span));
}

}  // namespace stoker::warming
