// A Job that asks to be executed, what its run needs, and the administrator's word on its namespace.

#include "controller/reconcile/run_reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/reconcile/conditions.h"
#include "controller/reconcile/json_view.h"
#include "controller/reconcile/policy_reconciler.h"
#include "controller/warming/run/plan_document.h"
#include "tests/unit/reconcile/desk.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kRun[] = "shop/pages-0123456789";

class RunReconcilerTest : public ::testing::Test {
 protected:
  RunReconcilerTest() {
    json policy = samples::ReadyPolicy();
    policy["status"]["activeRun"] = samples::Active();
    api_->Put(paths::kPolicy, policy);
  }
  static std::string JobPath() { return std::string(paths::kJobs) + "pages-0123456789"; }

  std::shared_ptr<MemoryApi> api_ = std::make_shared<MemoryApi>();
  FakeClock clock_{samples::Noon()};
};

TEST_F(RunReconcilerTest, NoRunIsTakenUpInANamespaceThatIsNotLabelled) {
  for (const char* label : {"", "denied"}) {
    for (const bool resumed : {false, true}) {
      SCOPED_TRACE(std::string(label) + (resumed ? ", by the next leader" : ", at first"));
      api_->Put(paths::kNamespace, ShopNamespace(label));
      json job = samples::Job();
      if (resumed) job["status"] = {{"startTime", "2026-11-27T11:59:00Z"}, {"active", 1}};
      api_->Put(JobPath(), job);
      Desk desk(api_, clock_, resumed ? 2 : 1);
      ASSERT_TRUE(RunReconciler(desk.context()).Reconcile(kRun));
      const json status = api_->At(JobPath())["status"];
      ASSERT_TRUE(IsTrue(status, "Failed")) << status;
      EXPECT_EQ(ConditionReason(status, "Failed"), "InProcessNotAllowed");
      EXPECT_THAT(Text(*FindCondition(status, "Failed"), {"message"}),
                  HasSubstr("stoker.dev/in-process=allowed"));
      EXPECT_EQ(desk.context().executor.StateOf("job-uid"), HostState::kAbsent);
    }
  }
}

TEST_F(RunReconcilerTest, WhatIsNotKnownOfTheNamespaceYetIsWaitedFor) {
  api_->Put(JobPath(), samples::Job());
  Desk desk(api_, clock_);
  const auto result = RunReconciler(desk.context()).Reconcile(kRun);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kConflict);
  EXPECT_FALSE(IsTrue(api_->At(JobPath()).value("status", json::object()), "Failed"));
}

// A run that began: its plan is frozen and its Job is there, and nobody executes it yet.
class BegunRun : public ::testing::Test {
 protected:
  BegunRun() {
    api_->Put(paths::kNamespace, ShopNamespace());
    api_->Put(SecretPath(),
              {{"metadata", {{"name", "token"}}}, {"data", {{"X-Token", "czNjcmV0"}}}});
    api_->Put(
        std::string(paths::kConfigMaps) + "keys",
        {{"metadata", {{"name", "keys"}, {"namespace", "shop"}}}, {"data", {{"list", "a\nb\n"}}}});
    json spec = samples::Spec();
    spec["sources"] = {
        {{"name", "list"}, {"static", {{"configMapRef", {{"name", "keys"}, {"key", "list"}}}}}}};
    spec["origins"][0]["http"]["headersSecretRef"] = {{"name", "token"}};
    api_->Put(paths::kPolicy, samples::ReadyPolicy(spec));
    Desk desk(api_, clock_);
    EXPECT_TRUE(PolicyReconciler(desk.context()).Reconcile("shop/pages"));
    active_ = api_->At(paths::kPolicy)["status"]["activeRun"];
  }
  static std::string SecretPath() { return std::string(paths::kSecrets) + "token"; }
  [[nodiscard]] std::string JobPath() const { return paths::kJobs + Text(active_, {"name"}); }
  [[nodiscard]] std::string PlanPath() const {
    return paths::kConfigMaps + PlanConfigMapName("pages", Text(active_, {"planHash"}));
  }
  [[nodiscard]] std::string PinnedPath() const {
    const auto plan = warming::ParsePlan(Text(api_->At(PlanPath()), {"data", "plan.json"}));
    return paths::kConfigMaps + plan->pinned.at("keys");
  }
  ReconcileResult Look(std::int64_t term = 1) {
    Desk desk(api_, clock_, term);
    auto result = RunReconciler(desk.context()).Reconcile("shop/" + Text(active_, {"name"}));
    state_ = desk.context().executor.StateOf(Text(active_, {"uid"}));
    events_ = desk.events();
    return result;
  }
  [[nodiscard]] std::string FailedBecause() const {
    return ConditionReason(api_->At(JobPath()).value("status", json::object()), "Failed");
  }
  [[nodiscard]] std::string FailureMessage() const {
    return Text(*FindCondition(api_->At(JobPath())["status"], "Failed"), {"message"});
  }

  std::shared_ptr<MemoryApi> api_ = std::make_shared<MemoryApi>();
  FakeClock clock_{samples::Noon()};
  json active_;
  HostState state_ = HostState::kAbsent;
  std::vector<std::string> events_;
};

TEST_F(BegunRun, IsExecutedWithWhatItRefersTo) {
  ASSERT_TRUE(Look());
  EXPECT_EQ(state_, HostState::kRunning);
  EXPECT_EQ(FailedBecause(), "");
  EXPECT_TRUE(events_.empty()) << "its start was told of when its Job was made";
}

TEST_F(BegunRun, OfAPlanThatSomebodyChangedIsNotExecuted) {
  json plan = api_->At(PlanPath());
  plan["data"]["plan.json"] = "{}";
  api_->Put(PlanPath(), plan);
  ASSERT_TRUE(Look());
  EXPECT_EQ(FailedBecause(), "PlanChanged");
  EXPECT_THAT(FailureMessage(), HasSubstr("does not hold the plan that status names"));
  EXPECT_EQ(state_, HostState::kAbsent);
}

TEST_F(BegunRun, OfAPinnedConfigMapThatSomebodyChangedIsNotExecuted) {
  json pinned = api_->At(PinnedPath());
  pinned["data"]["list"] = "a\nb\nc\n";
  api_->Put(PinnedPath(), pinned);
  ASSERT_TRUE(Look());
  EXPECT_EQ(FailedBecause(), "PlanChanged");
  EXPECT_THAT(FailureMessage(), HasSubstr("does not hold what was pinned from keys"));
  EXPECT_EQ(state_, HostState::kAbsent);
}

TEST_F(BegunRun, WithoutItsPlanOrItsSecretIsLost) {
  const json secret = api_->At(SecretPath());
  ASSERT_TRUE(Desk(api_, clock_).client().Delete(kube::kSecrets, "shop", "token"));
  ASSERT_TRUE(Look());
  EXPECT_EQ(FailedBecause(), "ReferenceLost");
  EXPECT_EQ(FailureMessage(),
            "spec.origins[0].http.headersSecretRef: Secret \"token\" does not exist in namespace "
            "shop; create it, or correct the name");
  api_->Put(SecretPath(), secret);
  json job = api_->At(JobPath());
  job.erase("status");
  api_->Put(JobPath(), job);
  const std::string plan = PlanConfigMapName("pages", Text(active_, {"planHash"}));
  ASSERT_TRUE(Desk(api_, clock_).client().Delete(kube::kConfigMaps, "shop", plan));
  ASSERT_TRUE(Look());
  EXPECT_EQ(FailedBecause(), "ReferenceLost");
  EXPECT_EQ(state_, HostState::kAbsent);
}

TEST_F(BegunRun, WaitsForTheRightToReadAndSaysSo) {
  api_->Fail({.method = "GET", .status = 403, .at = "/secrets/token"});
  const auto refused = Look();
  ASSERT_FALSE(refused) << "it is tried again";
  EXPECT_EQ(refused.error().code, Code::kPermission);
  ASSERT_THAT(events_, ElementsAre(StartsWith("SecretForbidden: ")));
  EXPECT_THAT(events_[0], HasSubstr("spec.origins[0].http.headersSecretRef"));
  api_->Fail({.method = "GET", .status = 403, .at = "/configmaps/pages-src-"});
  ASSERT_FALSE(Look());
  EXPECT_THAT(events_, ElementsAre(StartsWith("ConfigMapForbidden: ")));
  EXPECT_EQ(FailedBecause(), "");
  ASSERT_TRUE(Look()) << "the Role was mended";
  EXPECT_EQ(state_, HostState::kRunning);
}

TEST_F(BegunRun, GoesOnWithTheNextLeaderAndSaysSo) {
  ASSERT_TRUE(Look(1));
  EXPECT_EQ(state_, HostState::kRunning);
  ASSERT_TRUE(Look(2));  // the first one's desk is gone, as after a crash
  EXPECT_EQ(state_, HostState::kRunning);
  EXPECT_THAT(events_, Contains(::testing::AllOf(StartsWith("RunResumed: run pages-"),
                                                 HasSubstr("(attempt 2)"))));
  EXPECT_EQ(Annotation(api_->At(JobPath()), kAttemptAnnotation), "2");
}

}  // namespace
}  // namespace stoker::reconcile
