#pragma once

// A reconciler's surroundings: an API server in memory, caches that were filled from it once, events
// that are noted instead of sent.
//
// The caches are as old as the Desk, so what a test changes at the server afterwards is what a
// lagging watch has not told yet. A new Desk over the same server is a later look, or the next
// leader.
//
// Thread safety: the test's thread. Lifetime: everything ends with the Desk but the server.

#include <memory>
#include <string>
#include <vector>

#include "controller/reconcile/context.h"
#include "tests/support/process.h"
#include "tests/unit/reconcile/memory_api.h"
#include "tests/unit/reconcile/samples.h"

namespace stoker::reconcile {

class NotedEvents final : public kube::EventRecorder {
 public:
  using kube::EventRecorder::EventRecorder;
  void Record(const nlohmann::json&, kube::EventType, std::string_view reason, std::string_view,
              std::string_view message) override {
    const std::lock_guard lock(mutex_);
    noted_.push_back(std::string(reason) + ": " + std::string(message));
  }
  [[nodiscard]] std::vector<std::string> noted() const {
    const std::lock_guard lock(mutex_);
    return noted_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> noted_;
};

namespace paths {
inline constexpr char kPolicy[] = "/apis/stoker.dev/v1alpha1/namespaces/shop/warmingpolicies/pages";
inline constexpr char kSchedules[] = "/apis/stoker.dev/v1alpha1/namespaces/shop/prewarmschedules/";
inline constexpr char kJobs[] = "/apis/batch/v1/namespaces/shop/jobs/";
inline constexpr char kPods[] = "/api/v1/namespaces/shop/pods/";
inline constexpr char kConfigMaps[] = "/api/v1/namespaces/shop/configmaps/";
inline constexpr char kSecrets[] = "/api/v1/namespaces/shop/secrets/";
inline constexpr char kNamespace[] = "/api/v1/namespaces/shop";
}  // namespace paths

class Desk {
 public:
  Desk(std::shared_ptr<MemoryApi> api, const Clock& clock, std::int64_t transitions = 1)
      : api_(std::move(api)),
        context_{client_,
                 events_,
                 views_,
                 executor_,
                 pod_progress_,
                 locks_,
                 clock,
                 transitions,
                 Millis(30'000),
                 {"stoker:test", "Never"},
                 [this](const std::string& key) { enqueued_.push_back(key); }} {
    views_.Start();
    if (!testing::WaitFor([this] { return views_.Synced(); }, std::chrono::seconds(20))) {
      throw std::runtime_error("the caches were not filled");
    }
  }
  ~Desk() {
    views_.Stop();
    executor_.Stop(false);
    pod_progress_.Stop();
  }
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  [[nodiscard]] Context& context() { return context_; }
  [[nodiscard]] const Views& views() const { return views_; }
  [[nodiscard]] kube::Client& client() { return client_; }
  [[nodiscard]] std::vector<std::string> events() const { return events_.noted(); }
  [[nodiscard]] const std::vector<std::string>& enqueued() const { return enqueued_; }

 private:
  static ExecutorOptions OneLoop() {
    ExecutorOptions options;
    options.loops = 1;
    return options;
  }

  const std::shared_ptr<MemoryApi> api_;
  kube::Client client_{api_};
  NotedEvents events_{client_, "test"};
  Views views_{client_, {"shop"}, Millis(30'000)};
  Executor executor_{OneLoop(), [](const std::string&) {}};
  PodProgress pod_progress_{
      [](const std::string&) -> Result<std::string> { return Unavailable("no worker answers"); }};
  PolicyLocks locks_;
  std::vector<std::string> enqueued_;
  Context context_;
};

// The namespace "shop"; `label`: what an administrator says of in-process runs there.
inline nlohmann::json ShopNamespace(const std::string& label = "allowed") {
  nlohmann::json metadata = {{"name", "shop"}, {"uid", "shop-uid"}};
  if (!label.empty()) metadata["labels"] = {{kInProcessLabel, label}};
  return {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", metadata}};
}

}  // namespace stoker::reconcile
