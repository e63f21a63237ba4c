#pragma once

// What finished runs leave behind, taken away in time - and never before its result is safe.
//
// A finished Job gets ttlSecondsAfterFinished only once policy status (and, for a scheduled run,
// schedule status) tells how it ended; Jobs beyond historyLimit are deleted; plans and pinned
// sources that no Job uses any more go too.
//
// Thread safety: as the reconciler that owns it; the caller holds the policy's lock.

#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "controller/api/types.h"
#include "controller/reconcile/context.h"

namespace stoker::reconcile {

struct TidyDecision {
  std::vector<JobState> expire;  // get their TTL
  std::vector<JobState> remove;  // beyond the history limit
  bool waits_for_schedule = false;
};
// `jobs`: of the policy. `schedules`: those that made one of them, as far as they exist. `last_run`:
// the name of the run that ended last, for Jobs tell the second alone in which they ended.
TidyDecision DecideTidy(const std::vector<kube::Object>& jobs,
                        const std::vector<kube::Object>& schedules, const api::HistoryLimit& limit,
                        std::string_view last_run);

// The policy's own ConfigMaps that none of the Jobs mounts.
std::vector<nlohmann::json> UnusedConfigMaps(const nlohmann::json& policy,
                                             const std::vector<nlohmann::json>& config_maps,
                                             const std::vector<kube::Object>& jobs);

class Housekeeping {
 public:
  explicit Housekeeping(Context& context) : context_(context) {}
  // For a policy without an active run.
  ReconcileResult Tidy(const nlohmann::json& policy, const api::Execution& execution);
  // `key` is a policy that is gone.
  void Forget(const std::string& key);

 private:
  Status Act(const nlohmann::json& policy, const TidyDecision& decision,
             const api::Execution& execution);
  // Whether a Job came or went since the last look: only then is it worth listing ConfigMaps.
  bool JobsChanged(const std::string& key, std::size_t jobs);
  void Saw(const std::string& key, std::size_t jobs);
  Status CollectConfigMaps(const nlohmann::json& policy, const std::vector<kube::Object>& jobs);

  Context& context_;
  std::mutex mutex_;
  std::map<std::string, std::size_t> jobs_seen_;  // by policy; protected by mutex_
};

}  // namespace stoker::reconcile
