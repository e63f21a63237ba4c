// A schedule's slot against a policy that is not what the caches say.

#include "controller/reconcile/schedule_reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/reconcile/conditions.h"
#include "controller/reconcile/json_view.h"
#include "controller/reconcile/policy_reconciler.h"
#include "controller/reconcile/policy_status.h"
#include "tests/unit/reconcile/desk.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr char kHourly[] = "shop/hourly";

json HourlySchedule() {
  json object = {{"apiVersion", api::kApiVersion},
                 {"kind", "PrewarmSchedule"},
                 {"metadata", {{"name", "hourly"}, {"namespace", "shop"}}},
                 {"spec", {{"policyRef", {{"name", "pages"}}}, {"schedules", {"0 * * * *"}}}}};
  const auto errors = api::DefaultAndValidate(object);
  if (!errors.empty()) throw std::runtime_error(api::ToError(object, errors).message);
  object["metadata"].update(
      {{"uid", "schedule-uid"}, {"generation", 1}, {"creationTimestamp", "2026-11-27T11:30:00Z"}});
  return object;
}

// A policy that only its schedule starts.
json ScheduledPolicy(json spec = samples::Spec()) {
  spec["triggers"] = {{"onChange", false}};
  return samples::ReadyPolicy(spec);
}

class ScheduleReconcilerTest : public ::testing::Test {
 protected:
  ScheduleReconcilerTest() {
    api_->Put(paths::kNamespace, ShopNamespace());
    api_->Put(SchedulePath(), HourlySchedule());
    api_->Put(paths::kPolicy, ScheduledPolicy());
  }

  static std::string SchedulePath() { return std::string(paths::kSchedules) + "hourly"; }
  [[nodiscard]] json Policy() const { return api_->At(paths::kPolicy); }
  [[nodiscard]] json Schedule() const { return api_->At(SchedulePath()); }
  // What somebody does to the policy after the caches were filled.
  void Edit(const std::function<void(json&)>& edit) {
    json policy = Policy();
    edit(policy);
    api_->Put(paths::kPolicy, policy);
  }
  [[nodiscard]] std::size_t JobsCreated() const {
    return static_cast<std::size_t>(
        std::ranges::count(api_->requests(), std::string("POST ") + kJobsPath));
  }
  static constexpr char kJobsPath[] = "/apis/batch/v1/namespaces/shop/jobs";

  std::shared_ptr<MemoryApi> api_ = std::make_shared<MemoryApi>();
  FakeClock clock_{samples::Noon()};
};

TEST_F(ScheduleReconcilerTest, StartsTheSlotsRun) {
  Desk desk(api_, clock_);
  ASSERT_TRUE(ScheduleReconciler(desk.context()).Reconcile(kHourly));
  EXPECT_EQ(JobsCreated(), 1U);
  EXPECT_EQ(Text(Policy(), {"status", "activeRun", "schedule"}), "hourly");
  EXPECT_EQ(Text(Schedule(), {"status", "lastScheduleTime"}), "2026-11-27T12:00:00Z");
}

struct GateCase {
  const char* name;
  std::function<void(json& policy)> edit;
  const char* why;
};
class Gate : public ScheduleReconcilerTest, public ::testing::WithParamInterface<GateCase> {};

TEST_P(Gate, KeepsTheSlotFromStartingThoughTheCacheSaysReady) {
  Desk desk(api_, clock_);
  Edit(GetParam().edit);
  const auto refused = ScheduleReconciler(desk.context()).Reconcile(kHourly);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr(GetParam().why));
  EXPECT_EQ(JobsCreated(), 0U);
  EXPECT_EQ(Find(Policy(), {"status", "activeRun"}), nullptr);
  EXPECT_EQ(Find(Schedule(), {"status", "lastScheduleTime"}), nullptr) << "it may start late";
  EXPECT_THAT(desk.enqueued(), Contains("shop/pages"));
}

INSTANTIATE_TEST_SUITE_P(
    Reasons, Gate,
    ::testing::Values(
        GateCase{"suspended", [](json& p) { p["spec"]["suspend"] = true; }, "is suspended"},
        GateCase{"notReady", [](json& p) { p["status"]["conditions"][0]["status"] = "False"; },
                 "is not ready"},
        GateCase{"notLookedAtYet", [](json& p) { p["metadata"]["generation"] = 2; },
                 "not looked at yet"}),
    [](const auto& info) { return info.param.name; });

TEST_F(ScheduleReconcilerTest, AnInProcessRunNeedsTheNamespacesLabel) {
  json spec = samples::Spec();
  spec["execution"] = {{"mode", "InProcess"}};
  api_->Put(paths::kPolicy, ScheduledPolicy(spec));
  {
    api_->Put(paths::kNamespace, ShopNamespace(""));
    Desk desk(api_, clock_);
    const auto refused = ScheduleReconciler(desk.context()).Reconcile(kHourly);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("stoker.dev/in-process=allowed"));
    EXPECT_EQ(JobsCreated(), 0U);
  }
  api_->Put(paths::kNamespace, ShopNamespace());
  Desk desk(api_, clock_);
  ASSERT_TRUE(ScheduleReconciler(desk.context()).Reconcile(kHourly));
  EXPECT_EQ(JobsCreated(), 1U);
}

TEST_F(ScheduleReconcilerTest, AMissingSecretIsSaidOnThePolicyWhichHealsWhenItAppears) {
  json spec = samples::Spec();
  spec["origins"][0]["http"]["headersSecretRef"] = {{"name", "token"}};
  api_->Put(paths::kPolicy, ScheduledPolicy(spec));
  {
    Desk desk(api_, clock_);
    const auto refused = ScheduleReconciler(desk.context()).Reconcile(kHourly);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kConflict)
        << "not tried for ever as if a server were down";
    EXPECT_EQ(ConditionReason(Policy()["status"], kReady), "SecretNotFound");
    EXPECT_THAT(desk.events(), ElementsAre(StartsWith("SecretNotFound: ")));
  }
  {
    Desk desk(api_, clock_);
    const auto waits = ScheduleReconciler(desk.context()).Reconcile(kHourly);
    ASSERT_TRUE(waits);
    EXPECT_EQ(waits->about, Millis(30'000));
    EXPECT_EQ(ConditionReason(Schedule()["status"], kReady), "PolicyNotReady");
    EXPECT_THAT(desk.events(), IsEmpty());
  }
  api_->Put(std::string(paths::kSecrets) + "token",
            {{"metadata", {{"name", "token"}}}, {"data", {{"X-Token", "dg=="}}}});
  {
    Desk desk(api_, clock_);
    ASSERT_TRUE(PolicyReconciler(desk.context()).Reconcile("shop/pages"));
    EXPECT_TRUE(IsTrue(Policy()["status"], kReady));
  }
  Desk desk(api_, clock_);
  ASSERT_TRUE(ScheduleReconciler(desk.context()).Reconcile(kHourly));
  EXPECT_EQ(JobsCreated(), 1U);
}

TEST_F(ScheduleReconcilerTest, ARunThatTheCachesDoNotKnowYetIsNotCalledCancelled) {
  json schedule = HourlySchedule();
  schedule["status"] =
      StatusAfterStart(json::object(), samples::Noon(), "pages", {{"name", "hourly-29929680"}});
  api_->Put(SchedulePath(), schedule);
  Desk desk(api_, clock_);
  Edit([](json& policy) { policy["status"]["activeRun"] = {{"name", "hourly-29929680"}}; });
  ASSERT_TRUE(ScheduleReconciler(desk.context()).Reconcile(kHourly));
  EXPECT_EQ(Schedule()["status"]["active"].size(), 1U);
  EXPECT_EQ(Find(Schedule(), {"status", "lastRun"}), nullptr);
}

TEST_F(ScheduleReconcilerTest, ARunThatTheServerDoesNotKnowEitherWasCancelled) {
  json schedule = HourlySchedule();
  schedule["status"] =
      StatusAfterStart(json::object(), samples::Noon(), "pages", {{"name", "hourly-29929680"}});
  api_->Put(SchedulePath(), schedule);
  Desk desk(api_, clock_);
  ASSERT_TRUE(ScheduleReconciler(desk.context()).Reconcile(kHourly));
  EXPECT_EQ(Schedule()["status"]["active"].size(), 0U);
  EXPECT_EQ(Text(Schedule(), {"status", "lastRun", "result"}), "Cancelled");
}

}  // namespace
}  // namespace stoker::reconcile
