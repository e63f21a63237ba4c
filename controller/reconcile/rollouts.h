#pragma once

// Whether the pods of a workload that a policy names were replaced, so that what they hold is cold.
//
// What tells is the latest start of a container among the workload's pods: a rollout, a lost node, a
// restart and an added pod move it, and taking pods away does not. It is believed once the workload
// has settled, for nobody warms a cache halfway through its rollout. Status keeps the start that was
// answered last (`status.rollouts[].lastStart`); a later one is a reason to warm again. At first
// sight whatever runs counts as answered: onChange decides whether a new policy is warmed at once.
//
// Thread safety: pure functions; LookAtRollouts is as safe as its client.

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "controller/api/types.h"
#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/kube/client.h"

namespace stoker::reconcile {

struct Workload {
  std::string kind;
  std::string name;
  bool settled = false;                     // as many pods as it wants, all new and ready
  std::optional<WallTime> last_start = {};  // none: no container runs
  std::string reason = {}, problem = {};    // why nothing is known of it
};

// Two requests a workload: itself, and its pods. A missing one, or one that may not be read, is told
// by `problem`; an Error: the server did not answer.
Result<std::vector<Workload>> LookAtRollouts(kube::Client& client, const std::string& ns,
                                             const std::vector<api::Rollout>& rollouts);

Workload ReadWorkload(const api::Rollout& rollout, const nlohmann::json& object,
                      const std::vector<nlohmann::json>& pods);
// A LabelSelector as the API takes it in a query; kInvalid for what this does not know.
Result<std::string> SelectorText(const nlohmann::json& selector);

// The first workload whose pods started after what status says was answered.
std::optional<Workload> Replaced(const nlohmann::json& status,
                                 const std::vector<Workload>& workloads);
// What status says of why nothing is known of it; empty: nothing.
std::string RolloutProblem(const nlohmann::json& status, const Workload& workload);
// Brings `status.rollouts` up to date. `answered`: a run begins that warms for the pods of now.
void WriteRollouts(nlohmann::json& status, const std::vector<Workload>& workloads, bool answered,
                   WallTime now);

}  // namespace stoker::reconcile
