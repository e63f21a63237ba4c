#include "controller/warming/run/stop.h"

#include <fmt/format.h>

namespace stoker::warming {
namespace {

std::string Summary(const Tally& tally) {
  return fmt::format(
      "{} of {} entries are warm ({} warmed, {} already present), {} failed, {} left",
      tally.warmed + tally.skipped, tally.discovered, tally.warmed, tally.skipped, tally.failed,
      tally.left);
}

std::string MainFailure(const std::vector<FailureCount>& failures) {
  if (failures.empty()) return {};
  const FailureCount& main = failures.front();
  return fmt::format("; mostly {} ({} times): {}", main.reason, main.count, main.sample_message);
}

Judgement JudgeEnd(const Tally& tally, const std::vector<FailureCount>& failures, double minimum) {
  using Result = Report::Result;
  if (tally.discovered == 0) {
    return {Result::kFailed, "NothingDiscovered",
            "the sources yielded no entry; check them, and their include and exclude globs"};
  }
  const double percent = WarmPercent(tally);
  if (percent < minimum) {
    return {Result::kFailed, "BelowMinimum",
            fmt::format("{}; {:.4g} % is below the minimum of {:.4g} %{}", Summary(tally), percent,
                        minimum, MainFailure(failures))};
  }
  const std::int64_t read = tally.verified + tally.verify_failed;
  const double cold =
      read == 0 ? 0 : 100.0 * static_cast<double>(tally.verify_failed) / static_cast<double>(read);
  if (cold > 100 - minimum) {
    return {
        Result::kFailed, "VerificationFailed",
        fmt::format(
            "{} of {} entries read back were cold ({:.4g} %): the target lost or changed what was "
            "written; look at its memory limit and eviction",
            tally.verify_failed, read, cold)};
  }
  return {Result::kSucceeded, "Warmed", Summary(tally)};
}

}  // namespace

double WarmPercent(const Tally& tally) {
  if (tally.discovered == 0) return 0;
  return 100.0 * static_cast<double>(tally.warmed + tally.skipped) /
         static_cast<double>(tally.discovered);
}

Judgement Judge(const StopCause& cause, const Tally& tally,
                const std::vector<FailureCount>& failures, double min_warmed_percent,
                const std::optional<Waiting>& outage) {
  using Result = Report::Result;
  switch (cause.kind) {
    case StopKind::kNone:
      return JudgeEnd(tally, failures, min_warmed_percent);
    case StopKind::kCancelled:
      return {Result::kCancelled, "Cancelled",
              fmt::format("{}: {}", cause.message, Summary(tally))};
    case StopKind::kLostLease:
      return {Result::kCancelled, "LostLease",
              "this host may not act any more; another one goes on: " + Summary(tally)};
    case StopKind::kDeadline:
      if (outage) {
        return {Result::kFailed, outage->reason,
                fmt::format("{}; waited until the deadline of the run: {}", outage->message,
                            Summary(tally))};
      }
      return {Result::kFailed, "DeadlineExceeded",
              fmt::format("{}: {}", cause.message, Summary(tally))};
    case StopKind::kFatal:
      return {Result::kFailed, cause.reason, fmt::format("{}: {}", cause.message, Summary(tally))};
  }
  return {};
}

}  // namespace stoker::warming
