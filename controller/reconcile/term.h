#pragma once

// One term of leadership: everything that writes, made when the lease is won and gone when it is
// lost.
//
// A deposed leader must stop sending before its lease can be another's, and a term won later must
// not find half-done work of an earlier one. So queues, reconcile threads and the executor live and
// die together; the informers, which only read, outlive terms and keep the caches of waiting
// replicas warm.
//
// Thread safety: On...Changed() from the informers' threads. Shutdown: Stop() takes no more work,
// ends in-process runs within a second (with `hand_over`: leaving checkpoints for the next leader),
// then joins.

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "controller/kube/work_queue.h"
#include "controller/reconcile/context.h"
#include "controller/reconcile/policy_reconciler.h"
#include "controller/reconcile/run_reconciler.h"
#include "controller/reconcile/schedule_reconciler.h"

namespace stoker::reconcile {

struct TermOptions {
  int reconcile_workers = 4;  // threads a kind
  ExecutorOptions executor;
  WorkerImage worker;
  PodProgress::Getter pod_progress;
  std::int64_t transitions = 0;
  Millis recheck{30'000};  // between looks at a policy that lacks something
};

class Term {
 public:
  Term(kube::Client& client, kube::EventRecorder& events, const Views& views, TermOptions options,
       const Clock& clock = SystemClock());
  ~Term();

  void Start();
  void Stop(bool hand_over);

  void OnPolicyChanged(const kube::Object& before, const kube::Object& after);
  void OnScheduleChanged(const kube::Object& before, const kube::Object& after);
  void OnJobChanged(const kube::Object& before, const kube::Object& after);
  void OnPodChanged(const kube::Object& before, const kube::Object& after);
  void OnNamespaceChanged(const kube::Object& before, const kube::Object& after);

  // How long the slowest reconcile under way has taken: health judges it.
  [[nodiscard]] double LongestReconcileSeconds() const;

 private:
  using Reconciler = std::function<ReconcileResult(const std::string&)>;
  void Work(kube::WorkQueue& queue, const Reconciler& reconcile);
  void EnqueueSchedulesOf(const std::string& ns, const std::string& policy);

  const Views& views_;
  const int workers_;
  kube::WorkQueue policy_queue_{"warmingpolicy"};
  kube::WorkQueue schedule_queue_{"prewarmschedule"};
  kube::WorkQueue run_queue_{"run"};
  PodProgress pod_progress_;
  Executor executor_;
  PolicyLocks locks_;
  Context context_;
  PolicyReconciler policies_;
  ScheduleReconciler schedules_;
  RunReconciler runs_;
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> threads_;
};

}  // namespace stoker::reconcile
