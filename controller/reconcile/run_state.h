#pragma once

// A run as status and Job tell of it.
//
// `status.activeRun` is written before the Job is made (without its UID) and completed after, so
// that a controller that dies between the two leaves an intent, not a riddle: the next one makes or
// adopts exactly that Job, with exactly that plan.
//
// Thread safety: plain values, pure functions.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "controller/base/clock.h"

namespace stoker::reconcile {

inline constexpr char kTriggerSpec[] = "Spec";          // what is warmed changed
inline constexpr char kTriggerRequest[] = "Request";    // stoker.dev/requestedAt
inline constexpr char kTriggerRollout[] = "Rollout";    // pods of a named workload were replaced
inline constexpr char kTriggerSchedule[] = "Schedule";  // a PrewarmSchedule's slot

enum class RunMode { kInProcess, kPods };
std::string_view ToString(RunMode mode);

struct ActiveRun {  // status.activeRun
  std::string name;
  std::string uid;  // of the Job; empty: intended, not made yet
  std::string plan_hash;
  std::string change_hash;  // of what the plan warms
  std::string trigger;
  std::string request;   // requestedAt when the run began; handled once the run ended
  std::string schedule;  // PrewarmSchedule that asked for it
  std::string slot;      // its nominal time
  std::string start_time;
  RunMode mode = RunMode::kPods;
  std::int64_t attempt = 1;

  bool operator==(const ActiveRun&) const = default;
};

std::optional<ActiveRun> ReadActiveRun(const nlohmann::json& status);
nlohmann::json ToJson(const ActiveRun& run);

struct JobState {
  enum class Phase { kWaiting, kRunning, kSuspended, kSucceeded, kFailed };
  Phase phase = Phase::kWaiting;
  std::string name;
  std::string uid;
  bool in_process = false;
  bool being_deleted = false;
  std::string reason;   // of the condition that ended it
  std::string message;  // of the condition that ended it
  std::optional<WallTime> start;
  std::optional<WallTime> end;
  std::int64_t attempt = 1;
  std::int64_t ready = 0;
  std::string resource_version;
  std::string stopped;      // why it is suspended until a person resumes it; empty: it is not
  std::string resume_seen;  // stoker.dev/resumeAt when it was

  [[nodiscard]] bool Finished() const {
    return phase == Phase::kSucceeded || phase == Phase::kFailed;
  }
};

JobState ReadJob(const nlohmann::json& job);

}  // namespace stoker::reconcile
