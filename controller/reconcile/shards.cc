#include "controller/reconcile/shards.h"

#include <algorithm>
#include <charconv>

#include "controller/base/json.h"
#include "controller/reconcile/json_view.h"
#include "controller/warming/run/stop.h"

namespace stoker::reconcile {
namespace {

using warming::Progress;
using warming::Report;

constexpr std::size_t kMaxFailureRows = 10;
constexpr std::size_t kMaxTargets = 8;
constexpr std::size_t kMaxTerminationMessage = 4096;
constexpr char kIndexAnnotation[] = "batch.kubernetes.io/job-completion-index";

std::optional<Report> TerminationReport(const nlohmann::json& pod) {
  const nlohmann::json* statuses = Find(pod, {"status", "containerStatuses"});
  if (statuses == nullptr || !statuses->is_array()) return std::nullopt;
  for (const nlohmann::json& container : *statuses) {
    if (Text(container, {"name"}) != "worker") continue;
    const std::string message = Text(container, {"state", "terminated", "message"});
    if (message.empty() || message.size() > kMaxTerminationMessage) return std::nullopt;
    const auto json = ParseJson(message);
    if (!json) return std::nullopt;
    auto report = warming::ReportFromJson(*json);
    if (report) return std::move(*report);
  }
  return std::nullopt;
}

void AddTally(warming::Tally& sum, const warming::Tally& more) {
  sum.discovered += more.discovered;
  sum.warmed += more.warmed;
  sum.skipped += more.skipped;
  sum.failed += more.failed;
  sum.left += more.left;
  sum.bytes += more.bytes;
  sum.verified += more.verified;
  sum.verify_failed += more.verify_failed;
  sum.origin_requests += more.origin_requests;
}

void AddTargets(std::vector<warming::TargetTally>& sum,
                const std::vector<warming::TargetTally>& more) {
  for (const warming::TargetTally& target : more) {
    const auto same = [&](const auto& other) { return other.name == target.name; };
    if (const auto it = std::ranges::find_if(sum, same); it != sum.end()) {
      it->warmed += target.warmed;
      it->failed += target.failed;
    } else if (sum.size() < kMaxTargets) {
      sum.push_back(target);
    }
  }
}

void AddFailures(std::vector<warming::FailureCount>& sum,
                 const std::vector<warming::FailureCount>& more) {
  for (const warming::FailureCount& failure : more) {
    const auto same = [&](const auto& other) { return other.reason == failure.reason; };
    if (const auto it = std::ranges::find_if(sum, same); it != sum.end()) {
      it->count += failure.count;
    } else {
      sum.push_back(failure);
    }
  }
}

int Severity(Report::Result result) {
  switch (result) {
    case Report::Result::kSucceeded:
      return 0;
    case Report::Result::kCancelled:
      return 1;
    case Report::Result::kFailed:
      return 2;
  }
  return 2;
}

// Later attempts after earlier ones, the index as the key. A pod with an index that the Job does not
// have was made by somebody else.
std::map<int, std::vector<const WorkerPod*>> ByIndex(const std::vector<WorkerPod>& pods,
                                                     int shards) {
  std::map<int, std::vector<const WorkerPod*>> attempts;
  for (const WorkerPod& pod : pods) {
    if (pod.index >= 0 && pod.index < shards) attempts[pod.index].push_back(&pod);
  }
  for (auto& [index, list] : attempts) {
    std::ranges::sort(list, {},
                      [](const WorkerPod* pod) { return std::pair(pod->created, pod->uid); });
  }
  return attempts;
}

// A worker that is gone holds nothing back, and has not stopped for the origin any more.
void ForgetPace(Progress& progress) {
  progress.throttled = false;
  progress.in_flight_limit = 0;
  progress.slowed.clear();
  progress.circuit_open.clear();
  progress.stopped.reset();
}

// A run that awaits a person does so whatever the other shards' cool-downs say.
void AddPace(Progress& sum, const Progress& shard) {
  sum.throttled = sum.throttled || shard.throttled;
  sum.in_flight_limit += shard.in_flight_limit;
  if (sum.slowed.empty()) sum.slowed = shard.slowed;
  if (sum.circuit_open.empty()) sum.circuit_open = shard.circuit_open;
  const bool longer = shard.stopped && !shard.stopped->resumes_in;
  if (shard.stopped && (!sum.stopped || longer)) sum.stopped = shard.stopped;
}

}  // namespace

std::optional<WorkerPod> ReadWorkerPod(const nlohmann::json& pod, const std::string& job_uid) {
  if (job_uid.empty() || ControllerUid(pod) != job_uid) return std::nullopt;
  WorkerPod worker;
  worker.uid = Uid(pod);
  worker.ip = Text(pod, {"status", "podIP"});
  const std::string index = Annotation(pod, kIndexAnnotation);
  std::from_chars(index.data(), index.data() + index.size(), worker.index);
  worker.running = Text(pod, {"status", "phase"}) == "Running" && !IsBeingDeleted(pod);
  worker.created = Text(pod, {"metadata", "creationTimestamp"});
  worker.report = TerminationReport(pod);
  const nlohmann::json* statuses = Find(pod, {"status", "containerStatuses"});
  if (worker.running && statuses != nullptr && statuses->is_array() && !statuses->empty()) {
    worker.ready = Flag((*statuses)[0], {"ready"});
  }
  return worker;
}

ShardsView CombineShards(const std::vector<WorkerPod>& pods,
                         const std::map<std::string, Progress>& live, int shards, bool over) {
  ShardsView view;
  std::vector<Progress> progress;
  std::vector<Report> reports;
  for (const auto& [index, attempts] : ByIndex(pods, shards)) {
    view.ready += static_cast<int>(std::ranges::count_if(attempts, &WorkerPod::ready));
    if (attempts.back()->report) reports.push_back(*attempts.back()->report);
    for (const WorkerPod* pod : std::vector(attempts.rbegin(), attempts.rend())) {
      const auto seen = live.find(pod->uid);
      if (!pod->report && seen == live.end()) continue;
      progress.push_back(pod->report ? pod->report->progress : seen->second);
      if (!pod->running) ForgetPace(progress.back());
      break;
    }
  }
  if (!progress.empty()) {
    view.progress = SumProgress(progress);
    if (static_cast<int>(progress.size()) < shards) view.progress->enumerated = false;
  }
  view.reported = static_cast<int>(reports.size());
  const bool all_reported = view.reported >= shards;
  if (all_reported || (over && !reports.empty())) {
    view.report = SumReports(reports);
    view.report->progress = *view.progress;
    // Those who left no account may have found what the others did not.
    if (!all_reported && view.report->reason == kNothingDiscovered) view.report.reset();
  }
  return view;
}

Progress SumProgress(const std::vector<Progress>& shards) {
  Progress sum;
  sum.phase = Progress::Phase::kDone;
  sum.enumerated = !shards.empty();
  double errors = 0;
  for (const Progress& shard : shards) {
    sum.phase = std::min(sum.phase, shard.phase);
    AddTally(sum.tally, shard.tally);
    sum.enumerated = sum.enumerated && shard.enumerated;
    sum.per_second += shard.per_second;
    if (shard.eta) sum.eta = std::max(sum.eta.value_or(Millis(0)), *shard.eta);
    sum.origin_latency = std::max(sum.origin_latency, shard.origin_latency);
    errors += shard.origin_error_percent * static_cast<double>(shard.tally.origin_requests);
    AddPace(sum, shard);
    if (!sum.waiting) sum.waiting = shard.waiting;
    AddTargets(sum.targets, shard.targets);
    AddFailures(sum.failures, shard.failures);
  }
  const warming::Tally& tally = sum.tally;
  if (tally.discovered > 0) {
    sum.percent = 100.0 * static_cast<double>(tally.warmed + tally.skipped) /
                  static_cast<double>(tally.discovered);
  } else if (sum.enumerated && sum.phase == Progress::Phase::kDone) {
    sum.percent = 100;  // nothing to warm is warm
  }
  if (tally.origin_requests > 0) {
    sum.origin_error_percent = errors / static_cast<double>(tally.origin_requests);
  }
  std::ranges::sort(sum.failures, {}, [](const warming::FailureCount& failure) {
    return std::pair(-failure.count, failure.reason);
  });
  if (sum.failures.size() > kMaxFailureRows) sum.failures.resize(kMaxFailureRows);
  return sum;
}

Report SumReports(const std::vector<Report>& shards) {
  Report sum;
  if (shards.empty()) return sum;
  const Report* worst = &shards.front();
  std::vector<Progress> progress;
  for (const Report& shard : shards) {
    if (Severity(shard.result) > Severity(worst->result)) worst = &shard;
    progress.push_back(shard.progress);
    sum.duration = std::max(sum.duration, shard.duration);
    if (shard.first_expiry) {
      sum.first_expiry =
          std::min(sum.first_expiry.value_or(*shard.first_expiry), *shard.first_expiry);
    }
  }
  sum.result = worst->result;
  sum.reason = worst->reason;
  sum.message = worst->message;
  sum.progress = SumProgress(progress);
  if (sum.result != Report::Result::kSucceeded || shards.size() == 1) return sum;
  if (sum.progress.tally.discovered > 0) {
    sum.message = warming::Summary(sum.progress.tally);
  } else {  // to each of them it was no failure that nothing fell to its share
    sum.result = Report::Result::kFailed;
    sum.reason = kNothingDiscovered;
    sum.message = "the sources yielded no entry; check them, and their include and exclude globs";
  }
  return sum;
}

Report ReportOfJob(const JobState& job, const std::optional<Progress>& last_seen) {
  Report report;
  const bool succeeded = job.phase == JobState::Phase::kSucceeded;
  report.result = succeeded ? Report::Result::kSucceeded : Report::Result::kFailed;
  report.reason = succeeded ? "Warmed" : (job.reason.empty() ? "JobFailed" : job.reason);
  report.message = job.message.empty() ? "the Job ended without a report" : job.message;
  if (last_seen) report.progress = *last_seen;
  if (job.start && job.end) {
    report.duration = std::chrono::duration_cast<Millis>(*job.end - *job.start);
  }
  return report;
}

}  // namespace stoker::reconcile
