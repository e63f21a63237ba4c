#include "controller/kube/events.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "tests/support/process.h"
#include "tests/unit/kube/scripted_transport.h"

namespace stoker::kube {
namespace {

const nlohmann::json kThing = {{"apiVersion", "v1"},
                               {"kind", "ConfigMap"},
                               {"metadata", {{"name", "thing"}, {"namespace", "ns"}}}};

TEST(EventFenceTest, NothingGoesOutOnceTheFenceIsDown) {
  auto transport = std::make_shared<ScriptedTransport>();
  std::atomic<bool> leads{true};
  Client client(transport, [&] { return leads.load(); });
  EventRecorder recorder(client, "stoker-0");
  recorder.Record(kThing, EventType::kNormal, "First", "Reconcile", "m");
  ASSERT_TRUE(stoker::testing::WaitFor([&] { return transport->requests().size() == 1; }));
  leads = false;
  recorder.Record(kThing, EventType::kNormal, "Second", "Reconcile", "m");
  recorder.Stop();
  EXPECT_EQ(transport->requests().size(), 1U);
}

// Holds whoever asks for leave to write until it is opened.
class Gate {
 public:
  bool Pass() {
    std::unique_lock lock(mutex_);
    asked_ = true;
    changed_.notify_all();
    return changed_.wait_for(lock, std::chrono::seconds(20), [this] { return open_; });
  }
  bool WaitAsked() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [this] { return asked_; });
  }
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool asked_ = false;
  bool open_ = false;
};

TEST(EventFenceTest, WhatALostTermQueuedIsNotSentInALaterOne) {
  auto transport = std::make_shared<ScriptedTransport>();
  Gate gate;
  Client client(transport, [&] { return gate.Pass(); });
  EventRecorder recorder(client, "stoker-0");
  recorder.Record(kThing, EventType::kNormal, "UnderWay", "Reconcile", "m");
  ASSERT_TRUE(gate.WaitAsked());
  recorder.Record(kThing, EventType::kNormal, "Queued", "Reconcile", "m");
  recorder.DropQueued();
  recorder.Record(kThing, EventType::kNormal, "Later", "Reconcile", "m");
  gate.Open();
  recorder.Stop();
  std::vector<std::string> reasons;
  for (const HttpRequest& request : transport->requests()) {
    reasons.push_back(nlohmann::json::parse(request.body)["reason"]);
  }
  EXPECT_EQ(reasons, (std::vector<std::string>{"UnderWay", "Later"}));
}

}  // namespace
}  // namespace stoker::kube
