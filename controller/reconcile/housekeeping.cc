#include "controller/reconcile/housekeeping.h"

#include <algorithm>
#include <set>

#include "controller/reconcile/json_view.h"
#include "controller/reconcile/names.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;

constexpr Millis kScheduleRetry{2000};

std::vector<kube::Object> JobsOf(const Views& views, const json& policy) {
  std::vector<kube::Object> jobs = views.jobs.List(Namespace(policy));
  std::erase_if(jobs, [&](const kube::Object& job) { return ControllerUid(*job) != Uid(policy); });
  return jobs;
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
                        const std::vector<kube::Object>& schedules,
                        const api::HistoryLimit& limit) {
  TidyDecision decision;
  std::vector<JobState> kept;
  for (const kube::Object& job : jobs) {
    const JobState state = ReadJob(*job);
    if (!state.Finished() || state.being_deleted) continue;
    if (!ScheduleKnows(*job, schedules)) {
      decision.waits_for_schedule = true;
      continue;
    }
    kept.push_back(state);
    if (Find(*job, {"spec", "ttlSecondsAfterFinished"}) == nullptr) {
      decision.expire.push_back(state.name);
    }
  }
  std::ranges::sort(kept, {}, [](const JobState& job) { return std::pair(job.end, job.name); });
  const auto trim = [&](JobState::Phase phase, int most) {
    auto excess = std::ranges::count(kept, phase, &JobState::phase) - most;
    for (const JobState& job : kept) {
      if (job.phase == phase && excess-- > 0) decision.remove.push_back(job.name);
    }
  };
  trim(JobState::Phase::kSucceeded, limit.successful);
  trim(JobState::Phase::kFailed, limit.failed);
  std::erase_if(decision.expire, [&](const std::string& name) {
    return std::ranges::find(decision.remove, name) != decision.remove.end();
  });
  return decision;
}

std::vector<std::string> UnusedConfigMaps(const std::vector<json>& config_maps,
                                          const std::vector<kube::Object>& jobs) {
  std::set<std::string> used;
  for (const kube::Object& job : jobs) {
    const json* volumes = Find(*job, {"spec", "template", "spec", "volumes"});
    if (volumes == nullptr || !volumes->is_array()) continue;
    for (const json& volume : *volumes) used.insert(Text(volume, {"configMap", "name"}));
  }
  std::vector<std::string> unused;
  for (const json& config_map : config_maps) {
    if (!used.contains(Name(config_map))) unused.push_back(Name(config_map));
  }
  return unused;
}

ReconcileResult Housekeeping::Tidy(const json& policy, const api::Execution& execution) {
  const std::string ns = Namespace(policy);
  const std::vector<kube::Object> jobs = JobsOf(context_.views, policy);
  const TidyDecision decision =
      DecideTidy(jobs, context_.views.schedules.List(ns), execution.history_limit);
  const auto ttl = std::chrono::ceil<std::chrono::seconds>(execution.ttl_after_finished).count();
  const auto gone = [](const Error& error) { return error.code == Code::kNotFound; };
  for (const std::string& name : decision.expire) {
    const auto patched = context_.client.Patch(kube::kJobs, ns, name, kube::PatchType::kMerge,
                                               {{"spec", {{"ttlSecondsAfterFinished", ttl}}}});
    if (!patched && !gone(patched.error())) return patched.error();
  }
  for (const std::string& name : decision.remove) {
    const Status removed = context_.client.Delete(kube::kJobs, ns, name);
    if (!removed && !gone(removed.error())) return removed.error();
  }
  STOKER_CHECK(CollectConfigMaps(policy, jobs));
  return decision.waits_for_schedule ? std::optional(kScheduleRetry) : std::nullopt;
}

// Listing costs a request, so it is done only when a Job came or went since the last look.
Status Housekeeping::CollectConfigMaps(const json& policy, const std::vector<kube::Object>& jobs) {
  {
    const std::lock_guard lock(mutex_);
    const auto [seen, first] = jobs_seen_.try_emplace(Uid(policy), jobs.size());
    if (first || seen->second == jobs.size()) return {};
    seen->second = jobs.size();
  }
  kube::ListOptions options;
  options.label_selector =
      std::string(kManagedBySelector) + "," + kPolicyLabel + "=" + Name(policy);
  STOKER_TRY(const kube::ListResult listed,
             context_.client.List(kube::kConfigMaps, Namespace(policy), options));
  for (const std::string& name : UnusedConfigMaps(listed.items, jobs)) {
    const Status removed = context_.client.Delete(kube::kConfigMaps, Namespace(policy), name);
    if (!removed && removed.error().code != Code::kNotFound) return removed;
  }
  return {};
}

}  // namespace stoker::reconcile
