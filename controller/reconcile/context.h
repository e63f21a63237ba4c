#pragma once

// What the reconcilers of one term of leadership share.
//
// Thread safety: everything here may be used from any thread. Lifetime: outlives the reconcilers.

#include <array>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "controller/base/clock.h"
#include "controller/kube/client.h"
#include "controller/kube/events.h"
#include "controller/reconcile/again.h"
#include "controller/reconcile/executor.h"
#include "controller/reconcile/job_builder.h"
#include "controller/reconcile/pod_progress.h"
#include "controller/reconcile/policy_decision.h"
#include "controller/reconcile/views.h"

namespace stoker::reconcile {

// One lock a policy (striped), so that a slot and the policy's own trigger do not start a run each.
class PolicyLocks {
 public:
  std::mutex& Of(const std::string& policy_key) {
    return locks_[std::hash<std::string>{}(policy_key) % locks_.size()];
  }

 private:
  std::array<std::mutex, 64> locks_;
};

struct Context {
  kube::Client& client;  // writes only while we lead
  kube::EventRecorder& events;
  const Views& views;
  Executor& executor;
  PodProgress& pod_progress;
  PolicyLocks& locks;
  const Clock& clock;
  std::int64_t transitions = 0;  // of this term
  Millis recheck{30'000};        // between looks at a policy that lacks something
  WorkerImage worker;
  std::function<void(const std::string& key)> enqueue_policy;
};

// Whether the caches hold a policy with this key and UID. The views outlive what is returned.
Executor::Lives LivesIn(const Views& views);

using ReconcileResult = Result<Again>;

void Send(Context& context, const nlohmann::json& regarding, const EventToSend& event);
// Reads a Secret or ConfigMap of `ns` by name, decoded.
ContentsReader SecretReader(kube::Client& client, const std::string& ns);
ContentsReader ConfigMapReader(kube::Client& client, const std::string& ns);

}  // namespace stoker::reconcile
