#include "controller/reconcile/housekeeping.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "controller/reconcile/json_view.h"
#include "controller/reconcile/names.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;

constexpr Millis kScheduleRetry{2000};
constexpr Millis kStaleRetry{1000};

// Those that made one of the jobs.
std::vector<kube::Object> SchedulesOf(const Views& views, const std::vector<kube::Object>& jobs) {
  std::set<std::pair<std::string, std::string>> names;
  for (const kube::Object& job : jobs) names.emplace(Namespace(*job), Label(*job, kScheduleLabel));
  std::vector<kube::Object> schedules;
  for (const auto& [ns, name] : names) {
    if (auto schedule = views.schedules.Get(ns, name)) schedules.push_back(std::move(schedule));
  }
  return schedules;
}

// The schedule's status tells how this run ended, or nobody will ever write it there.
bool ScheduleKnows(const json& job, const std::vector<kube::Object>& schedules) {
  const std::string name = Label(job, kScheduleLabel);
  if (name.empty()) return true;
  for (const kube::Object& schedule : schedules) {
    if (Name(*schedule) != name) continue;
    const json* active = Find(*schedule, {"status", "active"});
    if (active != nullptr && active->is_array()) {
      for (const json& run : *active) {
        if (Text(run, {"name"}) == Name(job)) return false;
      }
    }
    const auto slot = ParseTime(Annotation(job, kSlotAnnotation));
    const auto last = Time(*schedule, {"status", "lastScheduleTime"});
    return !slot || (last && *last >= *slot);
  }
  return true;
}

}  // namespace

TidyDecision DecideTidy(const std::vector<kube::Object>& jobs,
                        const std::vector<kube::Object>& schedules, const api::HistoryLimit& limit,
                        std::string_view last_run) {
  TidyDecision decision;
  std::vector<JobState> kept;
  std::set<std::string> expiring;
  for (const kube::Object& job : jobs) {
    const JobState state = ReadJob(*job);
    if (!state.Finished() || state.being_deleted) continue;
    if (!ScheduleKnows(*job, schedules)) {
      decision.waits_for_schedule = true;
      continue;
    }
    kept.push_back(state);
    if (Find(*job, {"spec", "ttlSecondsAfterFinished"}) != nullptr) expiring.insert(state.uid);
  }
  std::ranges::sort(kept, {}, [&](const JobState& job) {
    return std::tuple(job.end, job.name == last_run, job.name);
  });
  auto succeeded_beyond =
      std::ranges::count(kept, JobState::Phase::kSucceeded, &JobState::phase) - limit.successful;
  auto failed_beyond =
      std::ranges::count(kept, JobState::Phase::kFailed, &JobState::phase) - limit.failed;
  for (const JobState& job : kept) {
    auto& beyond = job.phase == JobState::Phase::kSucceeded ? succeeded_beyond : failed_beyond;
    if (beyond-- > 0) {
      decision.remove.push_back(job);
    } else if (!expiring.contains(job.uid)) {
      decision.expire.push_back(job);
    }
  }
  return decision;
}

std::vector<json> UnusedConfigMaps(const json& policy, const std::vector<json>& config_maps,
                                   const std::vector<kube::Object>& jobs) {
  std::set<std::string> used;
  for (const kube::Object& job : jobs) {
    const json* volumes = Find(*job, {"spec", "template", "spec", "volumes"});
    if (volumes == nullptr || !volumes->is_array()) continue;
    for (const json& volume : *volumes) used.insert(Text(volume, {"configMap", "name"}));
  }
  std::vector<json> unused;
  for (const json& config_map : config_maps) {
    const bool ours = ControllerUid(config_map) == Uid(policy);
    if (ours && !used.contains(Name(config_map))) unused.push_back(config_map);
  }
  return unused;
}

ReconcileResult Housekeeping::Tidy(const json& policy, const api::Execution& execution) {
  const std::string ns = Namespace(policy);
  const std::vector<kube::Object> jobs = context_.views.jobs.Find(ns, Uid(policy));
  const TidyDecision decision =
      DecideTidy(jobs, SchedulesOf(context_.views, jobs), execution.history_limit,
                 Text(policy, {"status", "lastRun", "name"}));
  Again later;
  if (decision.waits_for_schedule) later.NoLaterThan(kScheduleRetry);
  const std::string key = Key(ns, Name(policy));
  const bool collect = JobsChanged(key, jobs.size());
  if (!collect && decision.expire.empty() && decision.remove.empty()) return later;
  // What the caches say may be late: a run that they have not heard of needs its plan, and one that
  // has just ended its Job. Only a policy that is idle at the server is tidied up after.
  const auto live = context_.client.Get(kube::kWarmingPolicies, ns, Name(policy));
  if (!live && live.error().code == Code::kNotFound) return Again{};
  if (!live) return live.error();
  if (ResourceVersion(*live) != ResourceVersion(policy)) return Again::Exactly(kStaleRetry);
  STOKER_CHECK(Act(policy, decision, execution));
  if (collect) {
    STOKER_CHECK(CollectConfigMaps(policy, jobs));
    Saw(key, jobs.size());
  }
  return later;
}

Status Housekeeping::Act(const json& policy, const TidyDecision& decision,
                         const api::Execution& execution) {
  const std::string ns = Namespace(policy);
  const auto ttl = std::chrono::ceil<std::chrono::seconds>(execution.ttl_after_finished).count();
  const auto gone = [](const Error& error) { return error.code == Code::kNotFound; };
  for (const JobState& job : decision.expire) {
    const auto patched = context_.client.Patch(
        kube::kJobs, ns, job.name, kube::PatchType::kMerge,
        {{"metadata", {{"uid", job.uid}}}, {"spec", {{"ttlSecondsAfterFinished", ttl}}}});
    if (!patched && !gone(patched.error())) return patched.error();
  }
  for (const JobState& job : decision.remove) {
    kube::DeleteOptions options;
    options.uid = job.uid;
    const Status removed = context_.client.Delete(kube::kJobs, ns, job.name, options);
    if (!removed && !gone(removed.error())) return removed.error();
  }
  return {};
}

bool Housekeeping::JobsChanged(const std::string& key, std::size_t jobs) {
  const std::lock_guard lock(mutex_);
  return jobs_seen_.try_emplace(key, jobs).first->second != jobs;
}

void Housekeeping::Saw(const std::string& key, std::size_t jobs) {
  const std::lock_guard lock(mutex_);
  jobs_seen_[key] = jobs;
}

void Housekeeping::Forget(const std::string& key) {
  const std::lock_guard lock(mutex_);
  jobs_seen_.erase(key);
}

Status Housekeeping::CollectConfigMaps(const json& policy, const std::vector<kube::Object>& jobs) {
  kube::ListOptions listing;
  listing.label_selector =
      std::string(kManagedBySelector) + "," + kPolicyLabel + "=" + Name(policy);
  STOKER_TRY(const kube::ListResult listed,
             context_.client.List(kube::kConfigMaps, Namespace(policy), listing));
  for (const json& config_map : UnusedConfigMaps(policy, listed.items, jobs)) {
    kube::DeleteOptions options;
    options.uid = Uid(config_map);
    const Status removed =
        context_.client.Delete(kube::kConfigMaps, Namespace(policy), Name(config_map), options);
    if (!removed && removed.error().code != Code::kNotFound) return removed;
  }
  return {};
}

}  // namespace stoker::reconcile
