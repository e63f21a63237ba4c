#include "controller/reconcile/policy_status.h"

#include <fmt/format.h>

#include <cmath>

#include "controller/reconcile/conditions.h"
#include "controller/reconcile/json_view.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;
using warming::Progress;
using warming::Report;

constexpr std::size_t kMaxSampleKey = 1024;
constexpr std::size_t kMaxMessage = 1024;

// kubectl wait compares a condition's generation with the object's: a run of an older plan must not
// pass for the new one, and scaling or suspending must not make a warm cache look cold.
std::int64_t WarmGeneration(std::int64_t generation, const std::string& warmed_hash,
                            const std::string& current_hash) {
  return warmed_hash == current_hash ? generation : generation - 1;
}

std::string Sentence(const Report& report) {
  const warming::Tally& tally = report.progress.tally;
  if (!report.message.empty()) return Capped(report.message, kMaxMessage);
  return fmt::format("{} of {} entries are warm", tally.warmed + tally.skipped, tally.discovered);
}

std::pair<std::string, std::string> WarmOutcome(const Report& report) {
  if (report.result == Report::Result::kSucceeded) return {"Warmed", Sentence(report)};
  if (report.result == Report::Result::kCancelled) return {"Cancelled", Sentence(report)};
  if (report.reason == "BelowMinimum") return {"BelowMinimum", Sentence(report)};
  return {"RunFailed", fmt::format("{}: {}", report.reason, Sentence(report))};
}

json TargetsJson(const Progress& progress) {
  json targets = json::array();
  for (const warming::TargetTally& target : progress.targets) {
    targets.push_back(
        {{"name", target.name}, {"warmed", target.warmed}, {"failed", target.failed}});
  }
  return targets;
}

json FailuresJson(const Progress& progress) {
  json failures = json::array();
  for (const warming::FailureCount& failure : progress.failures) {
    if (failures.size() == 10) break;
    json row = {{"reason", failure.reason}, {"count", failure.count}};
    if (!failure.sample_key.empty()) row["sampleKey"] = Capped(failure.sample_key, kMaxSampleKey);
    if (!failure.sample_message.empty()) {
      row["message"] = Capped(failure.sample_message, kMaxMessage);
    }
    failures.push_back(std::move(row));
  }
  return failures;
}

bool Expired(const json& status, WallTime now) {
  const auto until = Time(status, {"warmUntil"});
  return until && *until <= now;
}

}  // namespace

std::string_view ToString(Report::Result result) {
  switch (result) {
    case Report::Result::kSucceeded:
      return "Succeeded";
    case Report::Result::kFailed:
      return "Failed";
    case Report::Result::kCancelled:
      return "Cancelled";
  }
  return "Failed";
}

void WriteProgress(json& status, const Progress& progress) {
  const warming::Tally& tally = progress.tally;
  json made = {{"discovered", tally.discovered},
               {"enumerated", progress.enumerated},
               {"warmed", tally.warmed},
               {"skipped", tally.skipped},
               {"failed", tally.failed},
               {"left", tally.left},
               {"verified", tally.verified},
               {"bytes", tally.bytes},
               {"percent", static_cast<std::int64_t>(std::floor(progress.percent))},
               {"perSecond", static_cast<std::int64_t>(std::llround(progress.per_second))}};
  if (progress.waiting) made["waiting"] = Capped(progress.waiting->message, kMaxMessage);
  if (progress.eta) {
    made["eta"] = FormatDuration(std::chrono::ceil<std::chrono::seconds>(*progress.eta));
  }
  status["progress"] = std::move(made);
  json& origin = status["origin"];  // keeps when it last tripped
  origin["latency"] = FormatDuration(progress.origin_latency);
  origin["errorPercent"] = std::lround(progress.origin_error_percent);
  if (progress.in_flight_limit > 0) {
    origin["inFlightLimit"] = progress.in_flight_limit;
  } else {
    origin.erase("inFlightLimit");
  }
  status["targets"] = TargetsJson(progress);
  status["failures"] = FailuresJson(progress);
}

Progress ReadProgress(const json& status) {
  Progress progress;
  warming::Tally& tally = progress.tally;
  tally.discovered = Number(status, {"progress", "discovered"});
  tally.warmed = Number(status, {"progress", "warmed"});
  tally.skipped = Number(status, {"progress", "skipped"});
  tally.failed = Number(status, {"progress", "failed"});
  tally.verified = Number(status, {"progress", "verified"});
  tally.bytes = Number(status, {"progress", "bytes"});
  tally.left =
      std::max<std::int64_t>(0, tally.discovered - tally.warmed - tally.skipped - tally.failed);
  progress.enumerated = Flag(status, {"progress", "enumerated"});
  progress.percent = static_cast<double>(Number(status, {"progress", "percent"}));
  if (const json* targets = Find(status, {"targets"}); targets != nullptr && targets->is_array()) {
    for (const json& target : *targets) {
      progress.targets.push_back(
          {Text(target, {"name"}), Number(target, {"warmed"}), Number(target, {"failed"})});
    }
  }
  if (const json* rows = Find(status, {"failures"}); rows != nullptr && rows->is_array()) {
    for (const json& row : *rows) {
      progress.failures.push_back(
          {Text(row, {"reason"}), Number(row, {"count"}), Text(row, {"sampleKey"}), ""});
    }
  }
  return progress;
}

void WriteRunEnd(json& status, const ActiveRun& run, const Report& report, std::int64_t generation,
                 const std::string& current_hash, WallTime now) {
  Progress last = report.progress;
  last.per_second = 0;
  last.eta.reset();
  last.waiting.reset();
  last.in_flight_limit = 0;
  WriteProgress(status, last);
  const warming::Tally& tally = report.progress.tally;
  json ended = {{"name", run.name},
                {"uid", run.uid},
                {"result", ToString(report.result)},
                {"reason", report.reason},
                {"message", Sentence(report)},
                {"trigger", run.trigger},
                {"mode", ToString(run.mode)},
                {"startTime", run.start_time},
                {"completionTime", FormatTime(now)},
                {"duration", FormatDuration(report.duration)},
                {"discovered", tally.discovered},
                {"warmed", tally.warmed},
                {"skipped", tally.skipped},
                {"failed", tally.failed}};
  if (!run.schedule.empty()) ended["schedule"] = run.schedule;
  if (!run.slot.empty()) ended["slot"] = run.slot;
  status["lastRun"] = std::move(ended);
  status["warmedHash"] = run.change_hash;
  if (!run.request.empty()) status["lastHandledRequest"] = run.request;
  status.erase("activeRun");
  status.erase("warmUntil");
  const bool succeeded = report.result == Report::Result::kSucceeded;
  if (succeeded) {
    status["lastSuccessfulTime"] = FormatTime(now);
    if (report.first_expiry) status["warmUntil"] = FormatTime(*report.first_expiry);
  }
  for (const char* type : {kThrottled, kCircuitOpen, kEmergencyStopped}) {
    RemoveCondition(status, type);
  }
  const auto [reason, message] = WarmOutcome(report);
  SetCondition(status,
               {kWarm, succeeded ? "True" : "False", reason, message,
                WarmGeneration(generation, run.change_hash, current_hash)},
               now);
}

std::string_view DescribeResumed(warming::Resumed resumed) {
  switch (resumed) {
    case warming::Resumed::kGoesOn:
      return "goes on from its checkpoint";
    case warming::Resumed::kSkipsWarm:
      return "reads its sources again, which keep no order, and skips what the targets hold";
    case warming::Resumed::kStartsOver:
      return "starts over: its sources keep no order and a target is overwritten, so every value "
             "is "
             "fetched again";
    case warming::Resumed::kNot:
      break;
  }
  return "begins anew: its last host left no checkpoint";
}

void WriteWarmRunning(json& status, const ActiveRun& run, const Progress* progress,
                      std::int64_t generation, WallTime now) {
  const bool waiting = progress != nullptr && progress->waiting.has_value();
  // What an earlier run warmed stays warm while the next one goes over it.
  if (IsTrue(status, kWarm) && !Expired(status, now)) return;
  std::string message = fmt::format("run {} is under way", run.name);
  if (const json* stopped = FindCondition(status, kEmergencyStopped)) {
    message = fmt::format("run {} stopped: {}", run.name, Text(*stopped, {"message"}));
  } else if (waiting) {
    message = fmt::format("run {} waits: {}", run.name, progress->waiting->message);
  } else if (progress != nullptr && progress->resumed >= warming::Resumed::kSkipsWarm) {
    message += fmt::format("; it {}", DescribeResumed(progress->resumed));
  }
  SetCondition(status, {kWarm, "False", "Running", message, generation}, now);
}

void WriteWarmIdle(json& status, std::int64_t generation, const std::string& current_hash,
                   WallTime now) {
  const json* warm = FindCondition(status, kWarm);
  if (warm == nullptr) {
    SetCondition(status, {kWarm, "False", "NeverWarmed", "no run has ended yet", generation}, now);
    return;
  }
  const std::string reason = Text(*warm, {"reason"});
  if (IsTrue(status, kWarm) && Expired(status, now)) {
    SetCondition(
        status,
        {kWarm, "False", "Expired",
         fmt::format("the first of what was warmed expired at {}", Text(status, {"warmUntil"})),
         generation},
        now);
    return;
  }
  const bool same = Text(status, {"warmedHash"}) == current_hash || reason == "NeverWarmed";
  if (!same || Number(*warm, {"observedGeneration"}) == generation) return;
  Condition kept{kWarm, Text(*warm, {"status"}), reason, Text(*warm, {"message"}), generation};
  SetCondition(status, kept, now);
}

}  // namespace stoker::reconcile
