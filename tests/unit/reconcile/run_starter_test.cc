// A run is about to begin, and the server holds something else than was hoped for.

#include "controller/reconcile/run_starter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/reconcile/json_view.h"
#include "controller/reconcile/policy_reconciler.h"
#include "tests/unit/reconcile/desk.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class RunStarterTest : public ::testing::Test {
 protected:
  RunStarterTest() { Furnish(*api_); }
  static void Furnish(MemoryApi& api) {
    api.Put(paths::kNamespace, ShopNamespace());
    api.Put(paths::kPolicy, samples::ReadyPolicy());
  }
  static ReconcileResult Look(const std::shared_ptr<MemoryApi>& api, const FakeClock& clock,
                              std::vector<std::string>& events) {
    Desk desk(api, clock);
    auto result = PolicyReconciler(desk.context()).Reconcile("shop/pages");
    events = desk.events();
    return result;
  }
  ReconcileResult Look() { return Look(api_, clock_, events_); }
  [[nodiscard]] std::string Status(Path path) const {
    return Text(api_->At(paths::kPolicy)["status"], path);
  }
  // The run as it begins at a server where nothing is in the way: names are functions of what they
  // stand for.
  struct Undisturbed {
    json job;
    json plan;
  };
  [[nodiscard]] Undisturbed Elsewhere() const {
    const auto api = std::make_shared<MemoryApi>();
    Furnish(*api);
    std::vector<std::string> events;
    EXPECT_TRUE(Look(api, clock_, events));
    const json active = api->At(paths::kPolicy)["status"]["activeRun"];
    return {api->At(paths::kJobs + Text(active, {"name"})),
            api->At(paths::kConfigMaps + PlanConfigMapName("pages", Text(active, {"planHash"})))};
  }
  [[nodiscard]] json JobAt(const json& like) const { return api_->At(paths::kJobs + Name(like)); }
  void PutJob(const json& job) { api_->Put(paths::kJobs + Name(job), job); }

  std::shared_ptr<MemoryApi> api_ = std::make_shared<MemoryApi>();
  FakeClock clock_{samples::Noon()};
  std::vector<std::string> events_;
};

TEST_F(RunStarterTest, AServerThatDropsManagedByGetsNoJobThatWouldStartPods) {
  api_->OnCreate([](json& object) {
    if (object.contains("spec")) object["spec"].erase("managedBy");
  });
  ASSERT_TRUE(Look());
  EXPECT_EQ(Status({"lastRun", "reason"}), "JobRefused");
  EXPECT_THAT(Status({"lastRun", "message"}), HasSubstr("set spec.execution.mode to Pods"));
  EXPECT_TRUE(JobAt(Elsewhere().job).is_null()) << "Kubernetes would run it";
  EXPECT_THAT(events_, ElementsAre(StartsWith("RunFailed: ")));
}

TEST_F(RunStarterTest, AJobThatTheServerRefusesEndsItsRun) {
  api_->Fail({.method = "POST", .status = 422, .at = "/jobs"});
  ASSERT_TRUE(Look());
  EXPECT_EQ(Status({"lastRun", "reason"}), "JobRefused");
  EXPECT_THAT(events_, ElementsAre(StartsWith("RunFailed: ")));
  ASSERT_TRUE(Look());
  EXPECT_EQ(Status({"activeRun", "name"}), "") << "it is not tried for ever";
}

TEST_F(RunStarterTest, AQuotaOnJobsIsSaidAndTheRunTriedAgain) {
  api_->Fail({.method = "POST", .status = 403, .at = "/jobs"});
  const auto refused = Look();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kPermission);
  EXPECT_THAT(events_, ElementsAre(StartsWith("JobNotCreated: ")));
  ASSERT_TRUE(Look()) << "the quota was raised";
  EXPECT_NE(Status({"activeRun", "uid"}), "");
}

TEST_F(RunStarterTest, AJobOfSomebodyElseUnderItsNameIsLeftAlone) {
  json foreign = Elsewhere().job;
  foreign["metadata"]["uid"] = "foreign";
  foreign["metadata"]["ownerReferences"][0]["uid"] = "another-policy";
  PutJob(foreign);
  ASSERT_TRUE(Look());
  EXPECT_EQ(Uid(JobAt(foreign)), "foreign");
  EXPECT_EQ(Status({"lastRun", "reason"}), "JobRefused");
  EXPECT_THAT(Status({"lastRun", "message"}), HasSubstr("delete or rename it"));
}

TEST_F(RunStarterTest, ItsOwnJobOfAnEarlierTryIsAdopted) {
  json made = Elsewhere().job;
  made["metadata"]["uid"] = "made-before";
  PutJob(made);
  ASSERT_TRUE(Look());
  EXPECT_EQ(Status({"activeRun", "uid"}), "made-before");
}

TEST_F(RunStarterTest, AnEarlierIncarnationOfTheJobIsReplaced) {
  struct Case {
    const char* what;
    std::function<void(json&)> change;
  };
  const std::vector<Case> cases = {
      {"already over",
       [](json& job) { job["status"] = samples::FinishedJob("Complete")["status"]; }},
      {"of another plan",
       [](json& job) { job["metadata"]["annotations"][kPlanHashAnnotation] = "other"; }}};
  const json sound = Elsewhere().job;
  for (const Case& incarnation : cases) {
    SCOPED_TRACE(incarnation.what);
    Furnish(*api_);
    json old = sound;
    old["metadata"]["uid"] = "old";
    incarnation.change(old);
    PutJob(old);
    const auto first = Look();
    ASSERT_FALSE(first) << "it looks again when the old one is gone";
    EXPECT_EQ(first.error().code, Code::kUnavailable);
    EXPECT_TRUE(JobAt(old).is_null());
    ASSERT_TRUE(Look());
    EXPECT_EQ(Status({"activeRun", "uid"}), Uid(JobAt(old)));
    EXPECT_NE(Uid(JobAt(old)), "old");
  }
}

TEST_F(RunStarterTest, AForeignConfigMapUnderThePlansNameIsReplacedNotTrusted) {
  for (const bool same_text : {true, false}) {
    SCOPED_TRACE(same_text ? "the same text, of another owner" : "another text");
    Furnish(*api_);
    json foreign = Elsewhere().plan;
    const std::string path = paths::kConfigMaps + Name(foreign);
    foreign["metadata"]["uid"] = "foreign";
    if (same_text) {
      foreign["metadata"]["ownerReferences"][0]["uid"] = "another-policy";
    } else {
      foreign["data"]["plan.json"] = "{}";
    }
    api_->Put(path, foreign);
    const auto first = Look();
    ASSERT_FALSE(first);
    EXPECT_THAT(first.error().message, HasSubstr("was in the way"));
    EXPECT_TRUE(api_->At(path).is_null());
    ASSERT_TRUE(Look());
    EXPECT_NE(Status({"activeRun", "uid"}), "");
    EXPECT_EQ(ControllerUid(api_->At(path)), "policy-uid");
  }
}

TEST_F(RunStarterTest, APlanThatWasChangedBeforeItsJobWasMadeIsNotRun) {
  api_->Fail({.method = "POST", .status = 500, .at = "/jobs"});
  ASSERT_FALSE(Look()) << "the intent stands, its Job does not";
  const Undisturbed sound = Elsewhere();
  json plan = sound.plan;
  plan["data"]["plan.json"] = "{}";
  api_->Put(paths::kConfigMaps + Name(plan), plan);
  ASSERT_TRUE(Look());
  EXPECT_EQ(Status({"lastRun", "reason"}), "JobRefused");
  EXPECT_TRUE(JobAt(sound.job).is_null());
}

}  // namespace
}  // namespace stoker::reconcile
