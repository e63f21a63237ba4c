#pragma once

// Why a run ended, and what that makes of it: a pure judgement.
//
// Thread safety: pure.

#include <optional>
#include <string>
#include <vector>

#include "controller/warming/pace/outage.h"
#include "controller/warming/run/report.h"

namespace stoker::warming {

enum class StopKind { kNone, kCancelled, kLostLease, kDeadline, kCapacity, kFatal };

struct StopCause {
  StopKind kind = StopKind::kNone;  // kNone: it came to its end
  std::string reason;
  std::string message;
};

struct Judgement {
  Report::Result result = Report::Result::kFailed;
  std::string reason;
  std::string cause;    // why, without the tally; empty: nothing went wrong
  std::string message;  // why, and the tally
};

// What a run must have achieved.
struct Expected {
  double min_warmed_percent = 100;
  bool may_be_empty = false;  // a shard of several, to which no entry need fall
};

// `outage`: what was down when the run ended.
Judgement Judge(const StopCause& cause, const Tally& tally,
                const std::vector<FailureCount>& failures, const Expected& expected,
                const std::optional<Waiting>& outage);

// "9 of 10 entries are warm (7 warmed, 2 already present), 1 failed, 0 left"
std::string Summary(const Tally& tally);

// (warmed + skipped) / discovered * 100; 0 of nothing.
double WarmPercent(const Tally& tally);

}  // namespace stoker::warming
