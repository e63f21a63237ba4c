#pragma once

// The parts of a WarmingPolicy's status that speak of runs.
//
// Thread safety: pure functions on values.

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "controller/base/clock.h"
#include "controller/reconcile/run_state.h"
#include "controller/warming/run/report.h"

namespace stoker::reconcile {

inline constexpr char kReady[] = "Ready";
inline constexpr char kReconciling[] = "Reconciling";
inline constexpr char kStalled[] = "Stalled";
inline constexpr char kWarm[] = "Warm";
inline constexpr char kThrottled[] = "Throttled";
inline constexpr char kCircuitOpen[] = "CircuitOpen";
inline constexpr char kEmergencyStopped[] = "EmergencyStopped";

// Why a policy is not ready, and why a run that had begun ended.
inline constexpr char kInProcessNotAllowed[] = "InProcessNotAllowed";

// progress, origin, targets and failures.
void WriteProgress(nlohmann::json& status, const warming::Progress& progress);
// Progress as WriteProgress left it: what was last seen of a run that vanished.
warming::Progress ReadProgress(const nlohmann::json& status);

// Takes the run out of activeRun: lastRun, Warm, warmUntil, what it handled. `generation` is the
// policy's now, `current_hash` what it would warm now.
void WriteRunEnd(nlohmann::json& status, const ActiveRun& run, const warming::Report& report,
                 std::int64_t generation, const std::string& current_hash, WallTime now);

// "goes on from its checkpoint": what a run that another host began makes of what that left.
std::string_view DescribeResumed(warming::Resumed resumed);

// Warm while a run is under way, when it never ran, and once what was warmed expired.
void WriteWarmRunning(nlohmann::json& status, const ActiveRun& run,
                      const warming::Progress* progress, std::int64_t generation, WallTime now);
void WriteWarmIdle(nlohmann::json& status, std::int64_t generation, const std::string& current_hash,
                   WallTime now);

std::string_view ToString(warming::Report::Result result);  // Succeeded, Failed, Cancelled

}  // namespace stoker::reconcile
