#pragma once

// Which targets an entry belongs into, and which of them may be written now.
//
// A target with a minScore is an upper tier: it takes only entries that score so much, and a value
// enters it only when every target before it in the list holds the entry. So whenever a run is
// killed, nothing is in an upper tier that the lower ones lack. Targets without a minScore do not
// wait for each other.
//
// Thread safety: const after construction.

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "controller/api/types.h"
#include "controller/base/result.h"
#include "controller/warming/run/counters.h"

namespace stoker::warming {

class Tiers {
 public:
  // A bit for each target.
  using Mask = std::uint8_t;

  explicit Tiers(const std::vector<api::Target>& targets);

  // kInvalid names the field: the first target takes everything, and above a tier there is no target
  // that takes more than it.
  static Status Check(const std::vector<api::Target>& targets);

  [[nodiscard]] Mask TargetsOf(double score) const {
    if (upper_ == 0) return all_;
    Mask mask = all_;
    for (std::size_t t = 0; t < kMaxTargets; ++t) {
      if (min_score_[t] && !(score >= *min_score_[t])) mask &= static_cast<Mask>(~(1U << t));
    }
    return mask;
  }

  // Of the targets that lack an entry and have not refused it, those that may be offered it.
  [[nodiscard]] Mask Next(Mask missing, Mask refused) const {
    Mask next = missing & static_cast<Mask>(~refused);
    if ((next & upper_) == 0) return next;
    for (std::size_t t = 0; t < kMaxTargets; ++t) {
      const unsigned below = (1U << t) - 1;
      if ((upper_ & (1U << t)) != 0 && (missing & below) != 0)
        next &= static_cast<Mask>(~(1U << t));
    }
    return next;
  }

 private:
  std::array<std::optional<double>, kMaxTargets> min_score_{};
  Mask all_ = 0;
  Mask upper_ = 0;
};

}  // namespace stoker::warming
