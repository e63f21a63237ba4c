#pragma once

// What a run would do, from what can be known without touching origin or target: `stoker plan`, and
// the choice between the controller and pods.
//
// Thread safety: pure, but for what Materials does.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controller/base/duration.h"
#include "controller/base/result.h"
#include "controller/warming/materials/materials.h"
#include "controller/warming/run/run.h"

namespace stoker::warming {

struct PlanEstimate {
  std::optional<std::int64_t> entries;  // unknown for sources that must be fetched
  // What has to be read for these, before filters, duplicates and the choice of the best; unknown
  // as above, and for a list that is longer than may be read.
  std::optional<std::int64_t> read;
  bool exact = false;
  std::vector<std::pair<std::string, std::optional<std::int64_t>>> by_source;
  std::optional<std::int64_t> bytes;     // entries x assumed value size
  std::optional<Millis> duration;        // at requestsPerSecond; without origins, as caches write
  std::vector<std::string> sample_keys;  // the first few
  std::vector<std::string> sample_urls;
};
inline constexpr std::int64_t kMostEstimated = 10'000'000;
// Reads at most `most_read` entries: of more, a pattern's size is computed, not counted, and a
// list's is unknown.
Result<PlanEstimate> EstimatePlan(const RunSpec& spec, const Materials& materials,
                                  std::int64_t assumed_value_bytes = 1024,
                                  std::int64_t most_read = kMostEstimated);

}  // namespace stoker::warming
