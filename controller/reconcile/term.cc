#include "controller/reconcile/term.h"

#include <algorithm>
#include <exception>
#include <random>

#include "controller/base/log.h"
#include "controller/reconcile/conditions.h"
#include "controller/reconcile/json_view.h"
#include "controller/reconcile/names.h"
#include "controller/reconcile/policy_status.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;

// While the API server is away everything that is tried fails: come back in seconds, not in a loop
// and not after the minutes that a failing object of its own would be given.
constexpr Millis kAwayMin{2000};
constexpr Millis kAwayMax{6000};
constexpr Millis kSyncPoll{20};

double Random() {  // [0, 1)
  thread_local std::minstd_rand random{std::random_device{}()};
  return std::uniform_real_distribution<double>()(random);
}

Millis AwayDelay() {
  return kAwayMin + Millis(static_cast<Millis::rep>(Random() * (kAwayMax - kAwayMin).count()));
}

bool IsAway(const Error& error) {
  return error.code == Code::kUnavailable || error.code == Code::kTimeout;
}

std::string KeyOf(const json& object) { return Key(Namespace(object), Name(object)); }

// Status alone is our own writing.
bool OnlyStatusChanged(const json& before, const json& after) {
  const auto same = [&](Path path) {
    const json* a = Find(before, path);
    const json* b = Find(after, path);
    return (a == nullptr) == (b == nullptr) && (a == nullptr || *a == *b);
  };
  return Uid(before) == Uid(after) && same({"metadata", "generation"}) &&
         same({"metadata", "annotations"}) && same({"metadata", "deletionTimestamp"}) &&
         ResourceVersion(before) != ResourceVersion(after);  // equal: a resync, which shall look
}

bool IsReady(const json& policy) { return IsTrue(policy.value("status", json::object()), kReady); }

// What schedules wait for: that a run began or ended, that the policy became ready.
bool ConcernsSchedules(const json& before, const json& after) {
  const auto differs = [&](Path path) { return Text(before, path) != Text(after, path); };
  return differs({"status", "activeRun", "name"}) || differs({"status", "lastRun", "name"}) ||
         IsReady(before) != IsReady(after);
}

}  // namespace

Term::Term(kube::Client& client, kube::EventRecorder& events, const Views& views,
           TermOptions options, const Clock& clock)
    : views_(views),
      workers_(std::max(1, options.reconcile_workers)),
      pod_progress_(std::move(options.pod_progress)),
      executor_(std::move(options.executor),
                [this](const std::string& job) { run_queue_.Add(job); }),
      context_{client,
               events,
               views,
               executor_,
               pod_progress_,
               locks_,
               clock,
               options.transitions,
               options.recheck,
               options.worker,
               [this](const std::string& key) { policy_queue_.Add(key); }},
      policies_(context_),
      schedules_(context_),
      runs_(context_) {}

Term::~Term() { Stop(false); }

void Term::Start() {
  for (int i = 0; i < workers_; ++i) {
    threads_.emplace_back([this] {
      Work(policy_queue_, [this](const auto& key) { return policies_.Reconcile(key); });
    });
    threads_.emplace_back(
        [this] { Work(run_queue_, [this](const auto& key) { return runs_.Reconcile(key); }); });
  }
  threads_.emplace_back([this] {
    Work(schedule_queue_, [this](const auto& key) { return schedules_.Reconcile(key); });
  });
  for (const std::string& key : views_.jobs.Keys()) run_queue_.Add(key);
  for (const std::string& key : views_.policies.Keys()) policy_queue_.Add(key);
  for (const std::string& key : views_.schedules.Keys()) schedule_queue_.Add(key);
}

void Term::Stop(bool hand_over) {
  stopping_ = true;
  for (kube::WorkQueue* queue : {&policy_queue_, &schedule_queue_, &run_queue_}) queue->ShutDown();
  executor_.Stop(hand_over);
  pod_progress_.Stop();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
  threads_.clear();
}

void Term::Work(kube::WorkQueue& queue, const Reconciler& reconcile) {
  // What a half-filled cache lacks would pass for deleted.
  while (!views_.Synced() && !stopping_) std::this_thread::sleep_for(kSyncPoll);
  while (const auto key = queue.Get()) {
    ReconcileResult result = Internal("not tried");
    try {
      result = reconcile(*key);
    } catch (const std::exception& failure) {
      result = Internal(std::string("exception: ") + failure.what());
    }
    if (result) {
      queue.Forget(*key);
      if (const auto delay = result->Delay(Random())) queue.AddAfter(*key, *delay);
    } else if (IsAway(result.error())) {
      LogWarn("reconcile waits",
              {{"queue", queue.name()}, {"key", *key}, {"error", result.error().message}});
      queue.AddAfter(*key, AwayDelay());
    } else if (result.error().code == Code::kExpired) {
      // A namespace never comes back from there: what goes with it is told by the watches.
      LogInfo("reconcile ends with its namespace",
              {{"queue", queue.name()}, {"key", *key}, {"error", result.error().message}});
      queue.Forget(*key);
    } else {
      const bool expected =
          result.error().code == Code::kConflict || result.error().code == Code::kCancelled;
      Log(expected ? LogLevel::kDebug : LogLevel::kError, "reconcile failed",
          {{"queue", queue.name()}, {"key", *key}, {"error", result.error().message}});
      queue.AddRateLimited(*key);
    }
    queue.Done(*key);
  }
}

void Term::OnPolicyChanged(const kube::Object& before, const kube::Object& after) {
  const kube::Object& object = after ? after : before;
  if (!after) executor_.CancelOwnedBy(Uid(*before), "its policy was deleted");
  if (before && after && OnlyStatusChanged(*before, *after)) {
    if (ConcernsSchedules(*before, *after)) EnqueueSchedulesOf(Namespace(*object), Name(*object));
    // A slot may have found that something is missing: now the policy has to look for it.
    if (IsReady(*before) && !IsReady(*after)) policy_queue_.Add(KeyOf(*object));
    return;
  }
  policy_queue_.Add(KeyOf(*object));
  EnqueueSchedulesOf(Namespace(*object), Name(*object));
}

void Term::OnScheduleChanged(const kube::Object& before, const kube::Object& after) {
  if (!after || (before && OnlyStatusChanged(*before, *after))) return;
  schedule_queue_.Add(KeyOf(*after));
}

void Term::OnJobChanged(const kube::Object& before, const kube::Object& after) {
  const json& job = after ? *after : *before;
  // Deletion ends the data plane here and now, however busy the reconcilers are. A watch that was
  // away tells a Job that was made anew under the same name as one change.
  const bool replaced = before && after && Uid(*before) != Uid(*after);
  if (replaced) executor_.Cancel(Uid(*before), "its Job was deleted");
  if (!after || IsBeingDeleted(job)) executor_.Cancel(Uid(job), "its Job was deleted");
  run_queue_.Add(KeyOf(job));
  const std::string policy = Label(job, kPolicyLabel);
  if (policy.empty()) return;
  policy_queue_.Add(Key(Namespace(job), policy));
  EnqueueSchedulesOf(Namespace(job), policy);
}

void Term::OnPodChanged(const kube::Object& before, const kube::Object& after) {
  const json& pod = after ? *after : *before;
  const std::string policy = Label(pod, kPolicyLabel);
  if (!policy.empty()) policy_queue_.Add(Key(Namespace(pod), policy));
}

void Term::OnNamespaceChanged(const kube::Object& before, const kube::Object& after) {
  if (!after) return;
  const std::string label = before ? Label(*before, kInProcessLabel) : std::string();
  if (label == Label(*after, kInProcessLabel)) return;
  for (const std::string& key : views_.policies.Keys(Name(*after))) policy_queue_.Add(key);
}

void Term::EnqueueSchedulesOf(const std::string& ns, const std::string& policy) {
  for (const kube::Object& schedule : views_.schedules.Find(ns, policy)) {
    schedule_queue_.Add(KeyOf(*schedule));
  }
}

double Term::LongestReconcileSeconds() const {
  double longest = 0;
  for (const kube::WorkQueue* queue : {&policy_queue_, &schedule_queue_, &run_queue_}) {
    longest = std::max(longest, queue->Stats().longest_running_seconds);
  }
  return longest;
}

}  // namespace stoker::reconcile
