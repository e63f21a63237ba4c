// What a policy's reconcile does at a server that has moved on, or that refuses.

#include "controller/reconcile/policy_reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "controller/reconcile/conditions.h"
#include "controller/reconcile/json_view.h"
#include "controller/reconcile/policy_status.h"
#include "controller/reconcile/run_reconciler.h"
#include "tests/unit/reconcile/desk.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kPages[] = "shop/pages";

json PodOf(const std::string& name, const std::string& job_uid, const char* phase) {
  return {{"metadata",
           {{"name", name},
            {"namespace", "shop"},
            {"labels", {{kManagedByLabel, kManagedByValue}, {kPolicyLabel, "pages"}}},
            {"ownerReferences",
             {{{"kind", "Job"}, {"name", "j"}, {"uid", job_uid}, {"controller", true}}}}}},
          {"status", {{"phase", phase}}}};
}

class PolicyReconcilerTest : public ::testing::Test {
 protected:
  PolicyReconcilerTest() {
    api_->Put(paths::kNamespace, ShopNamespace());
    api_->Put(paths::kPolicy, samples::ReadyPolicy());
  }
  static std::string JobPath() { return std::string(paths::kJobs) + "pages-0123456789"; }
  [[nodiscard]] json Policy() const { return api_->At(paths::kPolicy); }
  [[nodiscard]] auto Look() {
    Desk desk(api_, clock_);
    auto result = PolicyReconciler(desk.context()).Reconcile(kPages);
    events_ = desk.events();
    return result;
  }

  std::shared_ptr<MemoryApi> api_ = std::make_shared<MemoryApi>();
  FakeClock clock_{samples::Noon()};
  std::vector<std::string> events_;
};

TEST_F(PolicyReconcilerTest, AnIntentThatWasCarriedOutIsNotCarriedOutAgain) {
  json policy = samples::ReadyPolicy();
  policy["status"]["activeRun"] = samples::Active("");
  api_->Put(paths::kPolicy, policy);
  Desk desk(api_, clock_);
  // Meanwhile, unseen by the caches: the run had its Job, and ended.
  policy["status"].erase("activeRun");
  policy["status"]["lastRun"] = {{"name", "pages-0123456789"}, {"uid", "job-uid"}};
  api_->Put(paths::kPolicy, policy);
  api_->Put(JobPath(), samples::FinishedJob("Complete"));
  (void)PolicyReconciler(desk.context()).Reconcile(kPages);
  EXPECT_EQ(Uid(api_->At(JobPath())), "job-uid") << "the ended Job stands";
  EXPECT_THAT(api_->requests(), Not(::testing::Contains(StartsWith("DELETE"))));
  EXPECT_EQ(Find(Policy(), {"status", "activeRun"}), nullptr);
}

TEST_F(PolicyReconcilerTest, AnIntentThatStandsGetsItsJob) {
  ASSERT_TRUE(Look()) << "begins the run";
  json policy = Policy();
  const std::string run = Text(policy, {"status", "activeRun", "name"});
  ASSERT_FALSE(run.empty());
  policy["status"]["activeRun"].erase("uid");
  api_->Put(paths::kPolicy, policy);
  ASSERT_TRUE(Look());
  EXPECT_EQ(Text(Policy(), {"status", "activeRun", "uid"}), Uid(api_->At(paths::kJobs + run)));
}

// A controller that starts sees thousands for the first time.
TEST_F(PolicyReconcilerTest, ANewPolicyForWhichNothingIsToBeDoneCostsOneWrite) {
  json spec = samples::Spec();
  spec["triggers"] = {{"onChange", false}};
  api_->Put(paths::kPolicy, samples::Policy(spec));
  ASSERT_TRUE(Look());
  EXPECT_TRUE(IsTrue(Policy()["status"], kReady));
  ASSERT_TRUE(Look());
  const auto sent = api_->requests();
  EXPECT_EQ(std::ranges::count_if(sent, [](const auto& r) { return !r.starts_with("GET "); }), 1);

  spec["origins"][0]["http"]["headersSecretRef"] = {{"name", "token"}};
  api_->Put(paths::kPolicy, samples::Policy(spec));
  ASSERT_TRUE(Look());
  EXPECT_EQ(ConditionReason(Policy()["status"], kReady), "Pending")
      << "what it refers to has to be read first";
  ASSERT_TRUE(Look());
  EXPECT_EQ(ConditionReason(Policy()["status"], kReady), "SecretNotFound");
}

TEST_F(PolicyReconcilerTest, LooksAtWorkloadsNowAndThenAndNotDuringARun) {
  json spec = samples::Spec();
  spec["triggers"] = {{"onChange", false},
                      {"rollouts", json::array({{{"kind", "Deployment"}, {"name", "cache"}}})}};
  api_->Put(paths::kPolicy, samples::ReadyPolicy(spec));
  const auto looks = [&] {
    return std::ranges::count(api_->requests(),
                              "GET /apis/apps/v1/namespaces/shop/deployments/cache");
  };
  ASSERT_TRUE(Look());
  EXPECT_EQ(looks(), 1);
  {
    Desk desk(api_, clock_);
    PolicyReconciler reconciler(desk.context());
    const auto first = reconciler.Reconcile(kPages);
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_EQ(first->exactly, Millis(10'000));
    EXPECT_EQ(looks(), 2);
    clock_.Advance(Millis(9'000));
    EXPECT_EQ(reconciler.Reconcile(kPages)->exactly, Millis(1'000));
    EXPECT_EQ(looks(), 2);
    clock_.Advance(Millis(1'000));
    ASSERT_TRUE(reconciler.Reconcile(kPages));
    EXPECT_EQ(looks(), 3);
  }
  EXPECT_THAT(Text(Policy()["status"]["rollouts"][0], {"message"}), HasSubstr("does not exist"));
  json running = Policy();
  running["status"]["activeRun"] = samples::Active();
  api_->Put(paths::kPolicy, running);
  ASSERT_TRUE(Look());
  EXPECT_EQ(looks(), 3);
}

TEST_F(PolicyReconcilerTest, AQuotaOnConfigMapsIsSaidAndTheRunTriedAgain) {
  json policy = samples::ReadyPolicy();
  policy["status"]["conditions"][0]["message"] = "an older word";
  api_->Put(paths::kPolicy, policy);
  api_->Fail({.method = "POST", .status = 403});
  const auto refused = Look();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kPermission);
  EXPECT_THAT(events_, ElementsAre(StartsWith("JobNotCreated: ")));
  EXPECT_EQ(Text(*FindCondition(Policy()["status"], kReady), {"message"}),
            "the spec is accepted and looked after")
      << "what was decided is written all the same";
  EXPECT_EQ(Find(Policy(), {"status", "activeRun"}), nullptr);
  EXPECT_TRUE(Look()) << "the quota was raised";
  EXPECT_NE(Find(Policy(), {"status", "activeRun"}), nullptr);
}

TEST_F(PolicyReconcilerTest, ARefusedPlanEndsItsRun) {
  api_->Fail({.method = "POST", .status = 422});
  EXPECT_TRUE(Look());
  EXPECT_EQ(Text(Policy(), {"status", "lastRun", "result"}), "Failed");
  EXPECT_EQ(Text(Policy(), {"status", "lastRun", "reason"}), "PlanRefused");
  EXPECT_THAT(events_, ElementsAre(StartsWith("RunFailed: ")));
  ASSERT_TRUE(Look());
  EXPECT_EQ(Find(Policy(), {"status", "activeRun"}), nullptr) << "it is not tried for ever";
}

TEST_F(PolicyReconcilerTest, APlanThatNoConfigMapHoldsIsSaidInWords) {
  json spec = samples::Spec();
  spec["sources"] = json::array();
  for (int list = 0; list < 5; ++list) {  // each as long as the schema allows
    json keys = json::array();
    for (int i = 0; i < 1000; ++i) keys.push_back(std::to_string(i) + std::string(250, 'k'));
    spec["sources"].push_back(
        {{"name", "list" + std::to_string(list)}, {"static", {{"keys", keys}}}});
  }
  api_->Put(paths::kPolicy, samples::ReadyPolicy(spec));
  EXPECT_TRUE(Look());
  EXPECT_EQ(Text(Policy(), {"status", "lastRun", "reason"}), "PlanRefused");
  EXPECT_THAT(Text(Policy(), {"status", "lastRun", "message"}), HasSubstr("1048576"));
}

TEST_F(PolicyReconcilerTest, WhileADeletedJobsPodsSendTheRunIsNotOver) {
  json policy = samples::ReadyPolicy();
  policy["status"]["activeRun"] = samples::Active("job-uid", "Pods");
  api_->Put(paths::kPolicy, policy);
  const std::string pod = std::string(paths::kPods) + "p0";
  api_->Put(pod, PodOf("p0", "job-uid", "Running"));
  api_->Put(std::string(paths::kPods) + "p1", PodOf("p1", "job-uid", "Succeeded"));
  api_->Put(std::string(paths::kPods) + "p2", PodOf("p2", "another", "Running"));
  ASSERT_TRUE(Look());
  EXPECT_NE(Find(Policy(), {"status", "activeRun"}), nullptr);
  EXPECT_THAT(events_, IsEmpty());
  api_->Put(pod, PodOf("p0", "job-uid", "Failed"));
  ASSERT_TRUE(Look());
  EXPECT_EQ(Find(Policy(), {"status", "activeRun"}), nullptr);
  EXPECT_EQ(Text(Policy(), {"status", "lastRun", "result"}), "Cancelled");
}

// With caches that know no Job any more, and the executor of an earlier look.
TEST_F(PolicyReconcilerTest, ARunWhoseJobIsGoneIsCancelledByWhoeverSeesIt) {
  ASSERT_TRUE(Look()) << "begins the run";
  const json active = Policy()["status"]["activeRun"];
  Desk desk(api_, clock_);
  ASSERT_TRUE(RunReconciler(desk.context()).Reconcile("shop/" + Text(active, {"name"})));
  Executor& executor = desk.context().executor;
  ASSERT_EQ(executor.StateOf(Text(active, {"uid"})), HostState::kRunning);
  ASSERT_TRUE(desk.client().Delete(kube::kJobs, "shop", Text(active, {"name"})));
  Desk later(api_, clock_);
  Context& around = later.context();
  Context context{around.client,       around.events, around.views, executor,
                  around.pod_progress, around.locks,  clock_,       1,
                  around.recheck,      around.worker, nullptr};
  ASSERT_TRUE(PolicyReconciler(context).Reconcile(kPages));
  EXPECT_TRUE(
      testing::WaitFor([&] { return executor.StateOf(Text(active, {"uid"})) == HostState::kEnded; },
                       std::chrono::seconds(10)));
}

TEST_F(PolicyReconcilerTest, StatusSaysThatARunWaitsForAPlace) {
  ASSERT_TRUE(Look()) << "begins the run";
  const json active = Policy()["status"]["activeRun"];
  Desk desk(api_, clock_);
  Executor& executor = desk.context().executor;
  int place = 0;
  for (std::string uid = "0"; executor.AskForPlace("ns" + uid + "/a", uid);
       uid = std::to_string(++place)) {
    ASSERT_LT(place, 100) << "there must be an end to the places";
  }
  ASSERT_TRUE(RunReconciler(desk.context()).Reconcile("shop/" + Text(active, {"name"})));
  EXPECT_EQ(executor.StateOf(Text(active, {"uid"})), HostState::kAbsent);
  ASSERT_TRUE(PolicyReconciler(desk.context()).Reconcile(kPages));
  EXPECT_THAT(Text(Policy(), {"status", "progress", "waiting"}), HasSubstr("needs a place"));
  EXPECT_THAT(Text(*FindCondition(Policy()["status"], kWarm), {"message"}),
              HasSubstr("waits: it needs a place"));
  EXPECT_THAT(desk.events(), ::testing::Contains(StartsWith("AwaitsPlace")));
}

}  // namespace
}  // namespace stoker::reconcile
