// Tally, Progress and Report as JSON: what status, /progress and termination messages carry.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

#include "controller/warming/run/report.h"

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

[[noreturn]] void Refuse(const std::string& why) {
  throw json::other_error::create(501, why, nullptr);
}

template <class Value, class Names>
Value ValueOf(const Names& names, const std::string& name) {
  for (const auto& [candidate, candidate_name] : names) {
    if (name == candidate_name) return candidate;
  }
  Refuse(fmt::format("\"{}\" is none of the known words", name));
}

// Two decimals are enough for people, and keep reports small.
double Rounded(double value) { return std::round(value * 100) / 100; }

// 100 is said of what is complete, and of nothing less.
double FlooredPercent(const Tally& tally) {
  if (tally.discovered == 0) return 0;
  const std::int64_t hundredths = (tally.warmed + tally.skipped) * 10'000 / tally.discovered;
  return static_cast<double>(hundredths) / 100;
}

// Whoever reads an account adds it to others: a number that no run reaches is refused, so that sums
// over all shards of a run stay numbers.
constexpr std::int64_t kMostBelieved = 1'000'000'000'000'000;

bool IsBelieved(const json& value) {
  if (value.is_number_unsigned()) return value.get<std::uint64_t>() <= kMostBelieved;
  if (!value.is_number_integer()) return false;
  const auto number = value.get<std::int64_t>();
  return number >= 0 && number <= kMostBelieved;
}

std::int64_t Count(const json& j, const char* name) {
  const json& value = j.at(name);
  if (!IsBelieved(value)) Refuse(fmt::format("{} is no count from 0 to {}", name, kMostBelieved));
  return value.get<std::int64_t>();
}

double Measure(const json& j, const char* name, double most = kMostBelieved) {
  const double value = j.at(name).get<double>();
  if (!(value >= 0 && value <= most)) Refuse(fmt::format("{} is not from 0 to {}", name, most));
  return value;
}

Tally TallyFromJson(const json& j) {
  Tally tally;
  tally.discovered = Count(j, "discovered");
  tally.warmed = Count(j, "warmed");
  tally.skipped = Count(j, "skipped");
  tally.failed = Count(j, "failed");
  tally.left = Count(j, "left");
  tally.bytes = Count(j, "bytes");
  tally.verified = Count(j, "verified");
  tally.verify_failed = Count(j, "verifyFailed");
  tally.origin_requests = Count(j, "originRequests");
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

std::string ReasonIn(const json& j) {
  std::string reason = j.at("reason");
  if (!IsReason(reason)) Refuse("a reason is no CamelCase word");
  return reason;
}

// As many, and with such names, as a policy may have: a status with more is refused.
std::vector<TargetTally> TargetsFromJson(const json& list) {
  constexpr std::size_t kMostTargets = 8;
  constexpr std::size_t kLongestName = 63;
  std::vector<TargetTally> targets;
  std::set<std::string> names;
  for (const json& t : list) {
    targets.push_back({t.at("name"), Count(t, "warmed"), Count(t, "failed")});
    const std::string& name = targets.back().name;
    const bool fits = name.size() <= kLongestName && names.insert(name).second;
    if (!fits || targets.size() > kMostTargets) Refuse("targets are not those of a policy");
  }
  return targets;
}

std::vector<FailureCount> FailuresFromJson(const json& list) {
  std::vector<FailureCount> failures;
  std::set<std::string> reasons;
  for (const json& f : list) {
    failures.push_back({ReasonIn(f), Count(f, "count"), f.at("sampleKey"), f.at("sampleMessage")});
    if (!reasons.insert(failures.back().reason).second) Refuse("failures name a reason twice");
  }
  return failures;
}

Progress ParseProgress(const json& j) {
  Progress progress;
  progress.phase = ValueOf<Progress::Phase>(kPhases, j.at("phase").get<std::string>());
  if (j.contains("resumed")) {
    progress.resumed = ValueOf<Resumed>(kResumed, j.at("resumed").get<std::string>());
  }
  progress.tally = TallyFromJson(j.at("tally"));
  progress.enumerated = j.at("enumerated");
  progress.percent = Measure(j, "percent", 100);
  progress.per_second = Measure(j, "perSecond");
  if (const auto it = j.find("etaMs"); it != j.end() && IsBelieved(*it)) {
    progress.eta = Millis(it->get<std::int64_t>());  // else it will not end in our time
  }
  progress.origin_latency = Millis(Count(j, "originLatencyMs"));
  progress.origin_error_percent = Measure(j, "originErrorPercent", 100);
  progress.throttled = j.value("throttled", false);
  if (j.contains("inFlightLimit")) progress.in_flight_limit = Count(j, "inFlightLimit");
  progress.slowed = j.value("slowed", "");
  progress.circuit_open = j.value("circuitOpen", "");
  if (const auto it = j.find("stopped"); it != j.end()) {
    progress.stopped = Stopped{it->at("message"), std::nullopt};
    if (it->contains("resumesInMs"))
      progress.stopped->resumes_in = Millis(Count(*it, "resumesInMs"));
  }
  if (const auto it = j.find("waiting"); it != j.end()) {
    progress.waiting = Waiting{ReasonIn(*it), it->at("message")};
  }
  progress.targets = TargetsFromJson(j.at("targets"));
  progress.failures = FailuresFromJson(j.at("failures"));
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
  if (progress.in_flight_limit > 0) j["inFlightLimit"] = progress.in_flight_limit;
  if (!progress.slowed.empty()) j["slowed"] = progress.slowed;
  if (!progress.circuit_open.empty()) j["circuitOpen"] = progress.circuit_open;
  if (progress.stopped) {
    j["stopped"] = {{"message", progress.stopped->message}};
    if (const auto& in = progress.stopped->resumes_in) j["stopped"]["resumesInMs"] = in->count();
  }
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
    report.reason = ReasonIn(j);
    report.message = j.at("message");
    report.progress = ParseProgress(j.at("progress"));
    report.duration = Millis(Count(j, "durationMs"));
    if (j.contains("firstExpiry")) {
      STOKER_TRY(report.first_expiry, ParseTime(j.at("firstExpiry").get<std::string>()));
    }
    return report;
  } catch (const json::exception& error) {
    return Invalid(fmt::format("the report does not parse: {}", error.what()));
  }
}

}  // namespace stoker::warming
