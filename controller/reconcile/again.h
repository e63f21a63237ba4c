#pragma once

// When an object is to be looked at again by itself.
//
// What has its time - a slot, the expiry of what was warmed - is looked at then, and not later. What
// only lacks something is looked at now and then; thousands of such looks, begun together after an
// outage, must not stay together, so each may come up to a tenth later.
//
// Thread safety: plain values.

#include <algorithm>
#include <optional>

#include "controller/base/duration.h"

namespace stoker::reconcile {

struct Again {
  std::optional<Millis> exactly;
  std::optional<Millis> about;

  static Again Exactly(Millis delay) { return {delay, std::nullopt}; }

  void NoLaterThan(Millis delay) { exactly = std::min(exactly.value_or(delay), delay); }
  void About(Millis delay) { about = std::min(about.value_or(delay), delay); }

  // `random`: [0, 1]. Nullopt: not by itself.
  [[nodiscard]] std::optional<Millis> Delay(double random) const {
    if (!about) return exactly;
    const auto later = static_cast<double>(about->count()) / 10 * random;
    const Millis spread = *about + Millis(static_cast<Millis::rep>(later));
    return std::min(exactly.value_or(spread), spread);
  }

  bool operator==(const Again&) const = default;
};

}  // namespace stoker::reconcile
