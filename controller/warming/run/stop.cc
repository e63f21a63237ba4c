#include "controller/warming/run/stop.h"

#include <fmt/format.h>

#include <utility>

namespace stoker::warming {
namespace {

std::string MainFailure(const std::vector<FailureCount>& failures) {
  if (failures.empty()) return {};
  const FailureCount& main = failures.front();
  return fmt::format("; mostly {} ({} times): {}", main.reason, main.count, main.sample_message);
}

Judgement End(Report::Result result, std::string reason, std::string cause, const Tally& tally) {
  std::string message = fmt::format("{}: {}", cause, Summary(tally));
  return {result, std::move(reason), std::move(cause), std::move(message)};
}

Judgement JudgeEnd(const Tally& tally, const std::vector<FailureCount>& failures,
                   const Expected& expected) {
  using Result = Report::Result;
  const double minimum = expected.min_warmed_percent;
  if (tally.discovered == 0) {
    if (expected.may_be_empty) {
      return {Result::kSucceeded, "Warmed", "", "no entry falls to this shard"};
    }
    const char* cause =
        "the sources yielded no entry; check them, and their include and exclude globs";
    return {Result::kFailed, "NothingDiscovered", cause, cause};
  }
  const double percent = WarmPercent(tally);
  if (percent < minimum) {
    std::string cause = fmt::format("{:.4g} % is below the minimum of {:.4g} %", percent, minimum);
    std::string message = fmt::format("{}; {}{}", Summary(tally), cause, MainFailure(failures));
    return {Result::kFailed, "BelowMinimum", std::move(cause), std::move(message)};
  }
  const std::int64_t read = tally.verified + tally.verify_failed;
  const double cold =
      read == 0 ? 0 : 100.0 * static_cast<double>(tally.verify_failed) / static_cast<double>(read);
  if (cold > 100 - minimum) {
    const std::string cause = fmt::format(
        "{} of {} entries read back were cold ({:.4g} %): the target lost or changed what was "
        "written; look at its memory limit and eviction",
        tally.verify_failed, read, cold);
    return {Result::kFailed, "VerificationFailed", cause, cause};
  }
  return {Result::kSucceeded, "Warmed", "", Summary(tally)};
}

}  // namespace

std::string Summary(const Tally& tally) {
  return fmt::format(
      "{} of {} entries are warm ({} warmed, {} already present), {} failed, {} left",
      tally.warmed + tally.skipped, tally.discovered, tally.warmed, tally.skipped, tally.failed,
      tally.left);
}

double WarmPercent(const Tally& tally) {
  if (tally.discovered == 0) return 0;
  return 100.0 * static_cast<double>(tally.warmed + tally.skipped) /
         static_cast<double>(tally.discovered);
}

Judgement Judge(const StopCause& cause, const Tally& tally,
                const std::vector<FailureCount>& failures, const Expected& expected,
                const std::optional<Waiting>& outage) {
  using Result = Report::Result;
  switch (cause.kind) {
    case StopKind::kNone:
      return JudgeEnd(tally, failures, expected);
    case StopKind::kCancelled:
      return End(Result::kCancelled, "Cancelled", cause.message, tally);
    case StopKind::kLostLease:
      return End(Result::kCancelled, "LostLease",
                 "this host may not act any more; another one goes on", tally);
    case StopKind::kDeadline:
      if (outage) {
        return End(Result::kFailed, outage->reason,
                   outage->message + "; waited until the deadline of the run", tally);
      }
      return End(Result::kFailed, "DeadlineExceeded", cause.message, tally);
    case StopKind::kCapacity:
      if (WarmPercent(tally) >= expected.min_warmed_percent) {
        return End(Result::kSucceeded, "CapacityReached", cause.message, tally);
      }
      return End(Result::kFailed, cause.reason, cause.message, tally);
    case StopKind::kFatal:
      return End(Result::kFailed, cause.reason, cause.message, tally);
  }
  return {};
}

}  // namespace stoker::warming
