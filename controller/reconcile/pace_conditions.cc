#include "controller/reconcile/pace_conditions.h"

#include <fmt/format.h>

#include "controller/reconcile/conditions.h"
#include "controller/reconcile/json_view.h"
#include "controller/reconcile/names.h"
#include "controller/reconcile/policy_status.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;
using warming::Progress;

constexpr std::size_t kMaxReason = 1024;

class Writer {
 public:
  Writer(json& status, const PaceObserved& seen, std::vector<EventToSend>& events, WallTime now)
      : status_(status), seen_(seen), events_(events), now_(now) {}

  // True when the condition was not there before.
  bool Set(const char* type, const char* reason, const std::string& message) {
    const bool fresh = !IsTrue(status_, type);
    SetCondition(status_, {type, "True", reason, message, seen_.generation}, now_);
    return fresh;
  }
  // True when it was there before.
  bool Remove(const char* type) {
    const bool was = IsTrue(status_, type);
    RemoveCondition(status_, type);
    return was;
  }
  void Tell(kube::EventType type, const char* reason, const std::string& what) {
    events_.push_back({type, reason, fmt::format("run {} {}", seen_.run.name, what)});
  }
  void Tripped(const std::string& why) {
    status_["origin"]["lastTripTime"] = FormatTime(now_);
    status_["origin"]["lastTripReason"] = Capped(why, kMaxReason);
  }

 private:
  json& status_;
  const PaceObserved& seen_;
  std::vector<EventToSend>& events_;
  const WallTime now_;
};

void WriteThrottled(Writer& writer, const Progress& progress) {
  if (progress.throttled) {
    writer.Set(kThrottled, "RetryAfter",
               "the origin asked to be left alone for a while (Retry-After); the run waits");
  } else if (!progress.slowed.empty()) {
    const std::string message = fmt::format(
        "fewer requests are out at a time than pacing.maxInFlight allows: {}", progress.slowed);
    if (writer.Set(kThrottled, "OriginSlow", message)) {
      writer.Tell(kube::EventType::kNormal, "Throttled",
                  fmt::format("slows down to {} requests at a time: {}", progress.in_flight_limit,
                              progress.slowed));
    }
  } else {
    writer.Remove(kThrottled);
  }
}

void WriteCircuit(Writer& writer, const Progress& progress) {
  if (progress.circuit_open.empty()) {
    if (writer.Remove(kCircuitOpen)) {
      writer.Tell(kube::EventType::kNormal, "CircuitClosed", "goes on: the origin answers again");
    }
    return;
  }
  const std::string message =
      fmt::format("{}; only probes are sent until they succeed", progress.circuit_open);
  if (!writer.Set(kCircuitOpen, "OriginFailing", message)) return;
  writer.Tripped(progress.circuit_open);
  writer.Tell(kube::EventType::kWarning, "CircuitOpened",
              fmt::format("leaves the origin alone: {}", progress.circuit_open));
}

std::string AwaitsPerson(const std::string& why) {
  return fmt::format("{}; no request is sent until the policy's annotation {} gets a new value",
                     why, kResumeAtAnnotation);
}

void WriteStopped(Writer& writer, const std::string& why, const std::string& message) {
  if (!writer.Set(kEmergencyStopped, "OriginSlow", message)) return;
  writer.Tripped(why);
  writer.Tell(kube::EventType::kWarning, kEmergencyStopped, fmt::format("stopped: {}", message));
}

}  // namespace

std::optional<JobHold> FollowPace(json& status, const PaceObserved& seen,
                                  std::vector<EventToSend>& events, WallTime now) {
  Writer writer(status, seen, events, now);
  // A run that takes no work any more has no pace, and says nothing of its origin.
  const bool paced = seen.progress != nullptr && seen.progress->in_flight_limit > 0;
  if (!seen.job.stopped.empty()) {
    writer.Remove(kThrottled);
    writer.Remove(kCircuitOpen);
  } else if (paced) {
    WriteThrottled(writer, *seen.progress);
    WriteCircuit(writer, *seen.progress);
  }
  if (!seen.job.stopped.empty()) {
    WriteStopped(writer, seen.job.stopped, AwaitsPerson(seen.job.stopped));
    if (seen.resume_at.empty() || seen.resume_at == seen.job.resume_seen) return std::nullopt;
    writer.Remove(kEmergencyStopped);
    status["lastHandledResume"] = seen.resume_at;
    writer.Tell(kube::EventType::kNormal, "RunResumed",
                fmt::format("goes on: {} was set to {}", kResumeAtAnnotation, seen.resume_at));
    return JobHold{};
  }
  const auto stopped = seen.progress != nullptr ? seen.progress->stopped : std::nullopt;
  if (!stopped) {
    if (paced && writer.Remove(kEmergencyStopped)) {
      writer.Tell(kube::EventType::kNormal, "RunResumed",
                  "goes on after its cool-down, with one request at a time at first");
    }
    return std::nullopt;
  }
  if (stopped->resumes_in) {
    WriteStopped(writer, stopped->message,
                 fmt::format("{}; no request is sent until emergencyStop.cooldown has passed",
                             stopped->message));
    return std::nullopt;
  }
  WriteStopped(writer, stopped->message, AwaitsPerson(stopped->message));
  return JobHold{stopped->message, seen.resume_at};
}

json HoldPatch(const JobState& job, const JobHold& hold) {
  const auto or_none = [](const std::string& text) { return text.empty() ? json() : json(text); };
  return {{"metadata",
           {{"resourceVersion", job.resource_version},
            {"annotations",
             {{kStoppedAnnotation, or_none(Capped(hold.why, kMaxReason))},
              {kResumeSeenAnnotation, or_none(hold.resume_seen)}}}}},
          {"spec", {{"suspend", !hold.why.empty()}}}};
}

}  // namespace stoker::reconcile
