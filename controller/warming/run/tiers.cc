#include "controller/warming/run/tiers.h"

#include <fmt/format.h>

namespace stoker::warming {

Tiers::Tiers(const std::vector<api::Target>& targets) {
  for (std::size_t t = 0; t < targets.size() && t < kMaxTargets; ++t) {
    const auto bit = static_cast<Mask>(1U << t);
    all_ |= bit;
    min_score_[t] = targets[t].min_score;
    if (min_score_[t]) upper_ |= bit;
  }
}

Status Tiers::Check(const std::vector<api::Target>& targets) {
  if (!targets.empty() && targets.front().min_score) {
    return Invalid(
        "spec.targets[0].minScore: the first target is the lowest tier, which takes every entry; "
        "remove it, or put that tier first");
  }
  for (std::size_t t = 1; t < targets.size(); ++t) {
    const auto& below = targets[t - 1].min_score;
    if (!below || (targets[t].min_score && *targets[t].min_score >= *below)) continue;
    return Invalid(
        fmt::format("spec.targets[{}].minScore: must be at least that of the target before it, "
                    "because tiers stand from the lowest to the highest; raise it or reorder them",
                    t));
  }
  return {};
}

}  // namespace stoker::warming
