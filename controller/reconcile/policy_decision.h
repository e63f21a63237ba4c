#pragma once

// What to do about one WarmingPolicy, from what was seen and the time, and nothing else.
//
// Every rule of a policy's life is here: whether its spec is usable, whether a run is due, what its
// status says while a run goes on and after it ended. docs/conditions.md is the table of what this
// writes. Deciding twice on the same view gives the same answer, so a lost write costs nothing.
//
// Thread safety: pure functions.

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "controller/api/types.h"
#include "controller/base/result.h"
#include "controller/kube/events.h"
#include "controller/reconcile/again.h"
#include "controller/reconcile/references.h"
#include "controller/reconcile/rollouts.h"
#include "controller/reconcile/run_state.h"
#include "controller/warming/run/report.h"

namespace stoker::reconcile {

// Auto chooses the controller for runs of at most so many entries.
inline constexpr std::int64_t kInProcessMaxEntries = 100'000;
// What a run may take of the controller's memory, whoever chose it. The bytes bound the largest
// value, too; crds/ says the same.
inline constexpr std::int64_t kInProcessMostKeys = 1'000'000;
inline constexpr std::int64_t kInProcessValueBytes = 32 << 20;

struct Trigger {
  std::string kind;     // kTriggerSpec, kTriggerRequest, kTriggerRollout, kTriggerSchedule
  std::string name;     // of the run
  std::string request;  // requestedAt as it stands; answered by this run, whatever started it
  std::string schedule;
  std::string slot;

  bool operator==(const Trigger&) const = default;
};

struct EventToSend {
  kube::EventType type = kube::EventType::kNormal;
  std::string reason;
  std::string message;
};

// What becomes of a run's Job after an emergency stop: suspended, or with no reason, let go.
struct JobHold {
  std::string why;
  std::string resume_seen;  // stoker.dev/resumeAt by then, which does not count
};

struct PolicyObserved {
  nlohmann::json object;
  Result<api::WarmingPolicy> policy = Internal("not read");
  bool in_process_allowed = false;
  std::optional<std::vector<Problem>> references;  // nullopt: not looked at this time
  std::optional<std::vector<Workload>> rollouts;   // as references
  std::optional<JobState> job;                     // of activeRun; nullopt: a live read found none
  std::optional<warming::Progress> progress;       // of activeRun
  std::optional<warming::Report> report;           // of activeRun, once it ended
  bool host_running = false;                       // our own executor has not ended it yet
  int workers_left = 0;  // of a Job that is gone: pods that may still send
  bool account_pending =
      false;                 // the Job ended so lately that workers' last words may be under way
  Millis recheck{30'000};    // between looks at what lacks something
  std::string last_waiting;  // what Progress::waiting said already
};

struct PolicyDecision {
  nlohmann::json status;         // as it shall be; equal to the present one: nothing to write
  std::optional<Trigger> start;  // begin this run, once the status is written
  bool ensure_job = false;       // activeRun was intended: make or adopt its Job
  bool cancel_run = false;       // its Job is gone, and our own executor goes on
  bool run_ended = false;
  std::optional<JobHold> hold;  // of activeRun's Job; carried out before the status is written
  bool urgent = false;          // write now; else progress may wait for its second
  std::vector<EventToSend> events;
  Again again;
};

PolicyDecision DecidePolicy(const PolicyObserved& observed, WallTime now);

// A run that should begin now by the policy's own triggers; nullopt: none.
// `rollouts`: as they were last looked at.
std::optional<Trigger> DueTrigger(const nlohmann::json& object, const api::WarmingPolicy& policy,
                                  const std::vector<Workload>& rollouts = {});
// The annotation stoker.dev/requestedAt as status can hold it: a long one by its hash.
std::string RequestOf(const nlohmann::json& object);
// The same of stoker.dev/resumeAt.
std::string ResumeOf(const nlohmann::json& object);
// Secrets and ConfigMaps are read only when the answer can matter: a new generation, a policy that
// was not ready, a run about to start.
bool NeedsReferences(const nlohmann::json& object, const api::WarmingPolicy& policy,
                     const std::vector<Workload>& rollouts = {});
// Why a run cannot take place in this process although the spec asks for it; nullopt: it may, or
// need not.
std::optional<Problem> PlacementProblem(const api::Execution& execution, bool in_process_allowed,
                                        const std::string& ns);
// `entries` of EstimatePlan; unknown or many, or large values: pods.
RunMode ChooseMode(const api::WarmingPolicySpec& spec, bool in_process_allowed,
                   std::optional<std::int64_t> entries);

}  // namespace stoker::reconcile
