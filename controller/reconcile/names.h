#pragma once

// The labels, annotations and names by which Stoker finds its own objects again.
//
// Names are functions of what they stand for, so that a replayed request or a new leader meets the
// object of the first attempt instead of making a second one.
//
// Thread safety: pure functions and constants.

#include <string>
#include <string_view>

#include "controller/base/clock.h"

namespace stoker::reconcile {

inline constexpr char kManagedByLabel[] = "app.kubernetes.io/managed-by";
inline constexpr char kManagedByValue[] = "stoker";
inline constexpr char kManagedBySelector[] = "app.kubernetes.io/managed-by=stoker";
inline constexpr char kPolicyLabel[] = "stoker.dev/policy";
inline constexpr char kRunLabel[] = "stoker.dev/run";
inline constexpr char kScheduleLabel[] = "stoker.dev/schedule";

// spec.managedBy of Jobs that the leader executes itself.
inline constexpr char kInProcessManager[] = "stoker.dev/in-process";
// On a Namespace, set by an administrator: "allowed" lets runs use the controller's place in the
// network.
inline constexpr char kInProcessLabel[] = "stoker.dev/in-process";
inline constexpr char kInProcessAllowed[] = "allowed";

inline constexpr char kRequestedAtAnnotation[] = "stoker.dev/requestedAt";  // on a policy: run now
// On a policy: the run that stopped itself goes on.
inline constexpr char kResumeAtAnnotation[] = "stoker.dev/resumeAt";
// On a Job.
inline constexpr char kStoppedAnnotation[] = "stoker.dev/emergency-stop";  // why it is suspended
inline constexpr char kResumeSeenAnnotation[] = "stoker.dev/resume-seen";  // resumeAt by then
inline constexpr char kPlanHashAnnotation[] = "stoker.dev/plan-hash";
inline constexpr char kSlotAnnotation[] = "stoker.dev/slot";
inline constexpr char kTriggerAnnotation[] = "stoker.dev/trigger";
inline constexpr char kAttemptAnnotation[] = "stoker.dev/attempt";
inline constexpr char kTransitionsAnnotation[] = "stoker.dev/leader-transitions";

std::string PlanConfigMapName(std::string_view policy, std::string_view plan_hash);
std::string PinnedConfigMapName(std::string_view policy, std::string_view content_hash);
std::string CheckpointName(std::string_view job);

// `<policy>-<10 hex>`: the same for the same cause after the same predecessor, new after each run.
std::string RunName(std::string_view policy, std::string_view policy_uid, std::string_view trigger,
                    std::string_view cause, std::string_view previous_run_uid);
// `<schedule>-<unix minutes of the slot>`, as a CronJob names its Jobs; a slot of @every that is not on
// a whole minute is named by its unix seconds.
std::string ScheduledRunName(std::string_view schedule, WallTime slot);

// "namespace/name", as work queues and logs name an object.
std::string Key(std::string_view ns, std::string_view name);
std::pair<std::string, std::string> SplitKey(std::string_view key);

}  // namespace stoker::reconcile
