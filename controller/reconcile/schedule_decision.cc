#include "controller/reconcile/schedule_decision.h"

#include <fmt/format.h>

#include <algorithm>

#include "controller/reconcile/conditions.h"
#include "controller/reconcile/json_view.h"
#include "controller/reconcile/names.h"
#include "controller/reconcile/policy_status.h"
#include "controller/reconcile/shards.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;

constexpr Millis kPolicyRetry{30'000};
constexpr Millis kLongestSleep{std::chrono::hours(1)};  // wall clocks are set by people

class Decider {
 public:
  Decider(const ScheduleObserved& observed, WallTime now)
      : observed_(observed),
        now_(now),
        generation_(Number(observed.object, {"metadata", "generation"})) {
    decision_.status = observed.object.value("status", json::object());
  }

  ScheduleDecision Run() {
    if (IsBeingDeleted(observed_.object)) return std::move(decision_);
    decision_.status["observedGeneration"] = generation_;
    FollowRuns();
    if (!observed_.schedule) return Refuse("InvalidSchedule", observed_.schedule.error().message);
    const api::PrewarmScheduleSpec& spec = observed_.schedule->spec;
    const auto zone = schedule::Zone::Find(spec.time_zone);
    if (!zone) return Refuse("UnknownTimeZone", "spec.timeZone: " + zone.error().message);
    if (spec.suspend) return Suspend();
    const auto cron = schedule::Cron::Parse(spec.schedule);
    if (!cron) return Refuse("InvalidSchedule", "spec.schedules[0]: " + cron.error().message);
    const ScheduleSlots slots(*cron, *zone, Base());
    const auto next = slots.Next(now_);
    if (!next)
      return Refuse("InvalidSchedule", "spec.schedules[0]: no such date within five years");
    decision_.status["nextScheduleTime"] = FormatTime(*next);
    Sleep(std::chrono::ceil<Millis>(*next - now_));
    if (!observed_.policy) return NoPolicy(spec.policy_name);
    RemoveCondition(decision_.status, kStalled);
    Ready("True", "Scheduled", fmt::format("the next slot is {}", zone->Format(*next)));
    ConsiderSlot(slots, *zone);
    return std::move(decision_);
  }

 private:
  void Ready(const char* status, const std::string& reason, const std::string& message) {
    SetCondition(decision_.status, {kReady, status, reason, message, generation_}, now_);
  }
  void Warn(const char* reason, std::string message) {
    decision_.events.push_back({kube::EventType::kWarning, reason, std::move(message)});
  }
  void Sleep(Millis delay) {
    decision_.again.NoLaterThan(std::clamp(delay, Millis(1), kLongestSleep));
  }

  // Only a person can mend it: no slot will come.
  ScheduleDecision Refuse(const char* reason, const std::string& message) {
    if (ConditionReason(decision_.status, kReady) != reason) Warn(reason, message);
    Ready("False", reason, message);
    SetCondition(decision_.status, {kStalled, "True", reason, message, generation_}, now_);
    decision_.status.erase("nextScheduleTime");
    return std::move(decision_);
  }

  ScheduleDecision Suspend() {
    RemoveCondition(decision_.status, kStalled);
    Ready("True", "Suspended", "spec.suspend is true: no slot starts a run");
    decision_.status.erase("nextScheduleTime");
    return std::move(decision_);
  }

  ScheduleDecision NoPolicy(const std::string& name) {
    const std::string message = fmt::format(
        "spec.policyRef.name: WarmingPolicy \"{}\" does not exist in namespace {}; create it, or "
        "correct the name",
        name, Namespace(observed_.object));
    if (ConditionReason(decision_.status, kReady) != "PolicyNotFound")
      Warn("PolicyNotFound", message);
    RemoveCondition(decision_.status, kStalled);
    Ready("False", "PolicyNotFound", message);
    decision_.again.About(kPolicyRetry);
    return std::move(decision_);
  }

  // Moves what ended from `active` to `lastRun`.
  void FollowRuns() {
    const json active = decision_.status.value("active", json::array());
    json still = json::array();
    for (const FollowedRun& run : observed_.runs) {
      if (RecordedAsOver(run)) continue;
      const auto same = [&](const json& entry) { return Text(entry, {"name"}) == run.name; };
      const auto entry = std::ranges::find_if(active, same);
      if (entry == active.end()) continue;
      still.push_back(*entry);
      // Nobody tells of the policy that the schedule had before.
      if (!observed_.policy || !run.policy || Uid(*run.policy) != Uid(*observed_.policy)) {
        decision_.again.About(kPolicyRetry);
      }
    }
    if (!active.empty()) decision_.status["active"] = std::move(still);
  }

  // The policy's status knows how a run ended, and keeps knowing when the Job is gone.
  bool RecordedAsOver(const FollowedRun& run) {
    const json* last = run.policy ? Find(*run.policy, {"status", "lastRun"}) : nullptr;
    if (last != nullptr && Text(*last, {"name"}) == run.name) {
      RecordEnd(run.name, Text(*last, {"result"}), Text(*last, {"duration"}));
      return true;
    }
    if (run.policy && Text(*run.policy, {"status", "activeRun", "name"}) == run.name) return false;
    if (!run.job) {
      RecordEnd(run.name, "Cancelled", "");
      return true;
    }
    if (!run.job->Finished()) return false;
    const warming::Report report = ReportOfJob(*run.job, std::nullopt);
    RecordEnd(run.name, std::string(ToString(report.result)), FormatDuration(report.duration));
    return true;
  }

  void RecordEnd(const std::string& name, const std::string& result, const std::string& duration) {
    json ended = {{"name", name}, {"result", result}};
    if (!duration.empty()) ended["duration"] = duration;
    decision_.status["lastRun"] = std::move(ended);
    if (result == "Succeeded") decision_.status["lastSuccessfulTime"] = FormatTime(now_);
  }

  [[nodiscard]] std::string ActiveName() const {
    return observed_.policy ? Text(*observed_.policy, {"status", "activeRun", "name"}) : "";
  }

  // What slots are counted from.
  [[nodiscard]] WallTime Base() const {
    const auto created = Time(observed_.object, {"metadata", "creationTimestamp"});
    return Time(decision_.status, {"lastScheduleTime"}).value_or(created.value_or(now_));
  }

  void ConsiderSlot(const ScheduleSlots& slots, const schedule::Zone& zone) {
    const auto deadline = observed_.schedule->spec.starting_deadline_seconds;
    const WallTime oldest =
        deadline ? now_ - std::chrono::seconds(*deadline) - std::chrono::microseconds(1) : Base();
    const MissedSlots missed = slots.Passed(oldest, now_);
    if (!missed.latest) return NoSlot(slots.Passed(Base(), now_), zone);
    if (missed.count > kTooManyMissed) {
      Warn("TooManyMissedTimes",
           fmt::format("more than {} slots were missed; only the newest is started. Set or lower "
                       "spec.startingDeadlineSeconds, or check the clock",
                       kTooManyMissed));
    }
    StartSlot(*missed.latest, zone, missed.count);
  }

  // Nothing may start now; what became too late is told.
  void NoSlot(const MissedSlots& late, const schedule::Zone& zone) {
    Missed(late.count);
    if (!late.latest) return;
    Warn("MissSchedule",
         fmt::format("the slot of {} was missed by more than {} s", zone.Format(*late.latest),
                     *observed_.schedule->spec.starting_deadline_seconds));
  }

  void StartSlot(WallTime slot, const schedule::Zone& zone, int count) {
    const std::string run = ScheduledRunName(Name(observed_.object), slot);
    const std::string active = ActiveName();
    if (!active.empty() && active != run) {
      Missed(count);
      Warn("JobAlreadyActive",
           fmt::format("the slot of {} waits: run {} of policy {} is under way", zone.Format(slot),
                       active, observed_.schedule->spec.policy_name));
      return;
    }
    if (observed_.policy_suspended) {
      Missed(count);
      return Ready("True", "PolicySuspended", "the policy is suspended: its slots start no run");
    }
    if (!IsTrue(observed_.policy->value("status", json::object()), kReady)) {
      Missed(count);
      decision_.again.About(kPolicyRetry);
      return Ready("True", "PolicyNotReady", "the policy is not ready: the slot waits for it");
    }
    decision_.status["missed"] = count - 1;
    decision_.start = slot;
  }

  void Missed(int count) { decision_.status["missed"] = count; }

  const ScheduleObserved& observed_;
  const WallTime now_;
  const std::int64_t generation_;
  ScheduleDecision decision_;
};

}  // namespace

ScheduleDecision DecideSchedule(const ScheduleObserved& observed, WallTime now) {
  return Decider(observed, now).Run();
}

json StatusAfterStart(json status, WallTime slot, const std::string& policy, const json& run) {
  constexpr std::size_t kMostActive = 4;  // as the CRD has it
  const std::string name = Text(run, {"name"});
  json entry = {{"name", name}, {"policy", policy}};
  if (const std::string uid = Text(run, {"uid"}); !uid.empty()) entry["uid"] = uid;
  json active = json::array();
  for (const json& other : status.value("active", json::array())) {
    if (Text(other, {"name"}) != name) active.push_back(other);
  }
  active.push_back(std::move(entry));
  if (active.size() > kMostActive) active.erase(active.begin());
  status["lastScheduleTime"] = FormatTime(slot);
  status["active"] = std::move(active);
  return status;
}

}  // namespace stoker::reconcile
