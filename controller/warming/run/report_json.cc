// Tally, Progress and Report as JSON: what status, /progress and termination messages carry.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "controller/warming/run/run.h"

namespace stoker::warming {
namespace {

using nlohmann::json;

constexpr std::array<std::pair<Progress::Phase, const char*>, 4> kPhases = {
    {{Progress::Phase::kPlanning, "Planning"},
     {Progress::Phase::kWarming, "Warming"},
     {Progress::Phase::kVerifying, "Verifying"},
     {Progress::Phase::kDone, "Done"}}};
constexpr std::array<std::pair<Resumed, const char*>, 4> kResumed = {
    {{Resumed::kNot, "Not"},
     {Resumed::kGoesOn, "GoesOn"},
     {Resumed::kSkipsWarm, "SkipsWarm"},
     {Resumed::kStartsOver, "StartsOver"}}};
constexpr std::array<std::pair<Report::Result, const char*>, 3> kResults = {
    {{Report::Result::kSucceeded, "Succeeded"},
     {Report::Result::kFailed, "Failed"},
     {Report::Result::kCancelled, "Cancelled"}}};

template <class Names, class Value>
const char* NameOf(const Names& names, Value value) {
  for (const auto& [candidate, name] : names) {
    if (candidate == value) return name;
  }
  return "";
}

template <class Value, class Names>
Value ValueOf(const Names& names, const std::string& name) {
  for (const auto& [candidate, candidate_name] : names) {
    if (name == candidate_name) return candidate;
  }
  throw json::other_error::create(501, fmt::format("\"{}\" is none of the known words", name),
                                  nullptr);
}

// Two decimals are enough for people, and keep reports small.
double Rounded(double value) { return std::round(value * 100) / 100; }

// 100 is said of what is complete, and of nothing less.
double FlooredPercent(const Tally& tally) {
  if (tally.discovered == 0) return 0;
  const std::int64_t hundredths = (tally.warmed + tally.skipped) * 10'000 / tally.discovered;
  return static_cast<double>(hundredths) / 100;
}

Tally TallyFromJson(const json& j) {
  Tally tally;
  tally.discovered = j.at("discovered");
  tally.warmed = j.at("warmed");
  tally.skipped = j.at("skipped");
  tally.failed = j.at("failed");
  tally.left = j.at("left");
  tally.bytes = j.at("bytes");
  tally.verified = j.at("verified");
  tally.verify_failed = j.at("verifyFailed");
  tally.origin_requests = j.at("originRequests");
  return tally;
}

// A pod may say anything, and what it says becomes the reason of an event.
bool IsReason(const std::string& text) {
  constexpr std::size_t kMaxReason = 64;
  const auto is_letter_or_digit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !text.empty() && text.size() <= kMaxReason && text.front() > '9' &&
         std::ranges::all_of(text, is_letter_or_digit);
}

Waiting WaitingFromJson(const json& j) {
  Waiting waiting{j.at("reason"), j.at("message")};
  if (!IsReason(waiting.reason)) {
    throw json::other_error::create(501, "waiting.reason is no CamelCase word", nullptr);
  }
  return waiting;
}

Progress ParseProgress(const json& j) {
  Progress progress;
  progress.phase = ValueOf<Progress::Phase>(kPhases, j.at("phase").get<std::string>());
  if (j.contains("resumed")) {
    progress.resumed = ValueOf<Resumed>(kResumed, j.at("resumed").get<std::string>());
  }
  progress.tally = TallyFromJson(j.at("tally"));
  progress.enumerated = j.at("enumerated");
  progress.percent = j.at("percent");
  progress.per_second = j.at("perSecond");
  if (j.contains("etaMs")) progress.eta = Millis(j.at("etaMs").get<std::int64_t>());
  progress.origin_latency = Millis(j.at("originLatencyMs").get<std::int64_t>());
  progress.origin_error_percent = j.at("originErrorPercent");
  progress.throttled = j.value("throttled", false);
  if (j.contains("waiting")) progress.waiting = WaitingFromJson(j.at("waiting"));
  for (const json& t : j.at("targets"))
    progress.targets.push_back({t.at("name"), t.at("warmed"), t.at("failed")});
  for (const json& f : j.at("failures")) {
    progress.failures.push_back(
        {f.at("reason"), f.at("count"), f.at("sampleKey"), f.at("sampleMessage")});
  }
  return progress;
}

}  // namespace

json ToJson(const Tally& tally) {
  return {{"discovered", tally.discovered},
          {"warmed", tally.warmed},
          {"skipped", tally.skipped},
          {"failed", tally.failed},
          {"left", tally.left},
          {"bytes", tally.bytes},
          {"verified", tally.verified},
          {"verifyFailed", tally.verify_failed},
          {"originRequests", tally.origin_requests}};
}

json ToJson(const Progress& progress) {
  json targets = json::array();
  for (const TargetTally& t : progress.targets) {
    targets.push_back({{"name", t.name}, {"warmed", t.warmed}, {"failed", t.failed}});
  }
  json failures = json::array();
  for (const FailureCount& f : progress.failures) {
    failures.push_back({{"reason", f.reason},
                        {"count", f.count},
                        {"sampleKey", f.sample_key},
                        {"sampleMessage", f.sample_message}});
  }
  json j = {{"phase", NameOf(kPhases, progress.phase)},
            {"tally", ToJson(progress.tally)},
            {"enumerated", progress.enumerated},
            {"percent", FlooredPercent(progress.tally)},
            {"perSecond", Rounded(progress.per_second)},
            {"originLatencyMs", progress.origin_latency.count()},
            {"originErrorPercent", Rounded(progress.origin_error_percent)},
            {"targets", std::move(targets)},
            {"failures", std::move(failures)}};
  if (progress.resumed != Resumed::kNot) j["resumed"] = NameOf(kResumed, progress.resumed);
  if (progress.eta) j["etaMs"] = progress.eta->count();
  if (progress.throttled) j["throttled"] = true;
  if (progress.waiting) {
    j["waiting"] = {{"reason", progress.waiting->reason}, {"message", progress.waiting->message}};
  }
  return j;
}

json ToJson(const Report& report) {
  json j = {{"result", NameOf(kResults, report.result)},
            {"reason", report.reason},
            {"message", report.message},
            {"progress", ToJson(report.progress)},
            {"durationMs", report.duration.count()}};
  if (report.first_expiry) j["firstExpiry"] = FormatMicroTime(*report.first_expiry);
  return j;
}

Result<Progress> ProgressFromJson(const json& j) {
  try {
    return ParseProgress(j);
  } catch (const json::exception& error) {
    return Invalid(fmt::format("the progress does not parse: {}", error.what()));
  }
}

Result<Report> ReportFromJson(const json& j) {
  try {
    Report report;
    report.result = ValueOf<Report::Result>(kResults, j.at("result").get<std::string>());
    report.reason = j.at("reason");
    report.message = j.at("message");
    report.progress = ParseProgress(j.at("progress"));
    report.duration = Millis(j.at("durationMs").get<std::int64_t>());
    if (j.contains("firstExpiry")) {
      STOKER_TRY(report.first_expiry, ParseTime(j.at("firstExpiry").get<std::string>()));
    }
    return report;
  } catch (const json::exception& error) {
    return Invalid(fmt::format("the report does not parse: {}", error.what()));
  }
}

}  // namespace stoker::warming
