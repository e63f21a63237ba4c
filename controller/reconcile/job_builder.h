#pragma once

// The objects of a run: its Job, its plan, its pinned sources. Pure: the same input makes the same
// text.
//
// Both kinds of run carry the same worker template, so that what judges pods (quota, policy
// engines, Pod Security) judges an in-process run alike. A worker holds no Kubernetes token; what
// it needs is mounted: the plan, the pinned ConfigMaps, the Secrets that the policy names.
//
// A shard that fails for good (exit code 1) fails its index and lets the others finish what they
// can; bad input (exit code 2) fails the Job at once, for every shard would meet it; a worker that
// was deleted, evicted or killed is replaced, never beside its terminating predecessor.
//
// Thread safety: pure functions.

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "controller/api/types.h"
#include "controller/reconcile/run_state.h"

namespace stoker::reconcile {

struct WorkerImage {
  std::string image;
  std::string pull_policy = "IfNotPresent";
};

struct JobInput {
  nlohmann::json policy;  // the object that owns the run
  ActiveRun run;
  api::WarmingPolicySpec spec;                // of the plan
  std::map<std::string, std::string> pinned;  // ConfigMap -> its immutable copy
  WorkerImage image;
};

nlohmann::json BuildJob(const JobInput& input);

// The immutable ConfigMap `<policy>-plan-<hash>` that holds the plan's text.
nlohmann::json BuildPlanConfigMap(const nlohmann::json& policy, const std::string& text,
                                  const std::string& plan_hash);
// An immutable copy of a ConfigMap that a source reads.
nlohmann::json BuildPinnedConfigMap(const nlohmann::json& policy, const nlohmann::json& config_map);

}  // namespace stoker::reconcile
