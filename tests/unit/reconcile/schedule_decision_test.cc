#include "controller/reconcile/schedule_decision.h"

#include <gtest/gtest.h>

#include "controller/reconcile/conditions.h"
#include "controller/reconcile/policy_status.h"
#include "tests/unit/reconcile/samples.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;
using samples::At;
using samples::Noon;

json Schedule(const char* cron = "0 * * * *") {
  json object = {{"apiVersion", api::kApiVersion},
                 {"kind", "PrewarmSchedule"},
                 {"metadata", {{"name", "hourly"}, {"namespace", "shop"}}},
                 {"spec", {{"policyRef", {{"name", "pages"}}}, {"schedules", {cron}}}}};
  const auto errors = api::DefaultAndValidate(object);
  if (!errors.empty()) throw std::runtime_error(api::ToError(object, errors).message);
  object["metadata"].update(
      {{"uid", "schedule-uid"}, {"generation", 1}, {"creationTimestamp", "2026-11-27T11:30:00Z"}});
  return object;
}

ScheduleObserved See(const json& object) {
  ScheduleObserved observed;
  observed.object = object;
  observed.schedule = api::ToPrewarmSchedule(object);
  observed.policy = samples::ReadyPolicy();
  return observed;
}

TEST(ScheduleDecision, StartsTheSlotWhenItIsDue) {
  const auto early = DecideSchedule(See(Schedule()), At("2026-11-27T11:59:59Z"));
  EXPECT_FALSE(early.start);
  EXPECT_EQ(early.again.exactly, Millis(1000));
  const auto due = DecideSchedule(See(Schedule()), Noon());
  EXPECT_EQ(due.start, Noon());
  EXPECT_EQ(due.status["nextScheduleTime"], "2026-11-27T13:00:00Z");
}

TEST(ScheduleDecision, AWaitForThePolicyDoesNotDelayTheNextSlot) {
  auto observed = See(Schedule("* * * * *"));
  observed.policy.reset();
  const auto decision = DecideSchedule(observed, At("2026-11-27T11:59:29Z"));
  EXPECT_EQ(decision.again, (Again{Millis(31'000), Millis(30'000)}));
}

TEST(ScheduleDecision, StartsASlotOnce) {
  json object = Schedule();
  object["status"] =
      StatusAfterStart(json::object(), Noon(), "pages", {{"name", "hourly-1"}, {"uid", "u"}});
  auto observed = See(object);
  (*observed.policy)["status"]["activeRun"] = {{"name", "hourly-1"}};
  observed.runs = {{"hourly-1", observed.policy, std::nullopt}};
  EXPECT_FALSE(DecideSchedule(observed, Noon() + std::chrono::seconds(5)).start);
}

TEST(ScheduleDecision, OnlyTheNewestMissedSlotStarts) {
  json object = Schedule();
  object["metadata"]["creationTimestamp"] = "2026-11-20T00:30:00Z";
  const auto decision = DecideSchedule(See(object), At("2026-11-27T12:10:00Z"));
  EXPECT_EQ(decision.start, Noon());
  ASSERT_EQ(decision.events.size(), 1U);
  EXPECT_EQ(decision.events[0].reason, "TooManyMissedTimes");
}

TEST(ScheduleDecision, AYearOfMissedMinutesIsFoundQuickly) {
  json object = Schedule("* * * * *");
  object["metadata"]["creationTimestamp"] = "2025-11-27T00:00:00Z";
  EXPECT_EQ(DecideSchedule(See(object), Noon() + std::chrono::seconds(7)).start, Noon());
}

TEST(ScheduleDecision, ALateSlotIsMissedAndLeavesLastScheduleTimeAlone) {
  json object = Schedule();
  object["spec"]["startingDeadlineSeconds"] = 60;
  const auto in_time = DecideSchedule(See(object), Noon() + std::chrono::seconds(60));
  EXPECT_EQ(in_time.start, Noon());
  const auto late = DecideSchedule(See(object), Noon() + std::chrono::seconds(61));
  EXPECT_FALSE(late.start);
  EXPECT_EQ(late.events.at(0).reason, "MissSchedule");
  EXPECT_FALSE(late.status.contains("lastScheduleTime"));
  EXPECT_EQ(late.status["missed"], 1);
}

TEST(ScheduleDecision, ForbidWaitsForTheRunUnderWay) {
  auto observed = See(Schedule());
  (*observed.policy)["status"]["activeRun"] = {{"name", "other"}};
  const auto waiting = DecideSchedule(observed, Noon());
  EXPECT_FALSE(waiting.start);
  EXPECT_EQ(waiting.events.at(0).reason, "JobAlreadyActive");
  EXPECT_FALSE(waiting.status.contains("lastScheduleTime"));
  observed.policy = samples::ReadyPolicy();
  EXPECT_EQ(DecideSchedule(observed, Noon() + std::chrono::minutes(9)).start, Noon())
      << "late, not lost";
}

// Created at 11:30:00; the slots are 11:31:30, 11:33:00, ...
TEST(ScheduleDecision, AnIntervalIsCountedFromTheLastSlotNotFromNow) {
  json object = Schedule("@every 90s");
  const auto first = DecideSchedule(See(object), At("2026-11-27T11:31:00Z"));
  EXPECT_FALSE(first.start);
  EXPECT_EQ(first.status["nextScheduleTime"], "2026-11-27T11:31:30Z");
  EXPECT_EQ(first.again.exactly, Millis(30'000));
  object["status"] = StatusAfterStart(json::object(), At("2026-11-27T11:33:00Z"), "pages",
                                      {{"name", "hourly-1"}, {"uid", "u"}});
  const auto later = DecideSchedule(See(object), At("2026-11-27T11:36:10Z"));
  EXPECT_EQ(later.start, At("2026-11-27T11:36:00Z"));
  EXPECT_EQ(later.status["nextScheduleTime"], "2026-11-27T11:37:30Z");
}

TEST(ScheduleDecision, AnIntervalLongerThanItsDeadlineStillStarts) {
  json object = Schedule("@every 1h");
  object["spec"]["startingDeadlineSeconds"] = 10;
  EXPECT_EQ(DecideSchedule(See(object), At("2026-11-27T12:30:10Z")).start,
            At("2026-11-27T12:30:00Z"));
  const auto late = DecideSchedule(See(object), At("2026-11-27T12:30:11Z"));
  EXPECT_FALSE(late.start);
  EXPECT_EQ(late.events.at(0).reason, "MissSchedule");
  EXPECT_EQ(DecideSchedule(See(object), At("2026-11-27T13:30:05Z")).start,
            At("2026-11-27T13:30:00Z"))
      << "what was missed does not move the slots";
}

TEST(ScheduleDecision, AYearOfMissedIntervalsIsFoundQuicklyAndInStep) {
  json object = Schedule("@every 7s");
  object["metadata"]["creationTimestamp"] = "2025-11-27T12:00:00Z";
  const auto decision = DecideSchedule(See(object), Noon() + std::chrono::seconds(5));
  ASSERT_TRUE(decision.start);
  EXPECT_EQ((*decision.start - At("2025-11-27T12:00:00Z")) % std::chrono::seconds(7),
            std::chrono::seconds(0));
  EXPECT_EQ(decision.events.at(0).reason, "TooManyMissedTimes");
}

TEST(ScheduleDecision, EverySlotHasANameOfItsOwn) {
  EXPECT_EQ(ScheduledRunName("hourly", Noon()), "hourly-29929680");
  EXPECT_EQ(ScheduledRunName("often", Noon() + std::chrono::seconds(30)), "often-1795780830");
}

struct RefusedCase {
  const char* name;
  std::function<void(ScheduleObserved&)> change;
  const char* reason;
  bool stalled;
};
class Refused : public ::testing::TestWithParam<RefusedCase> {};

TEST_P(Refused, Schedule) {
  auto observed = See(Schedule());
  GetParam().change(observed);
  const auto decision = DecideSchedule(observed, Noon());
  EXPECT_FALSE(decision.start);
  EXPECT_EQ(ConditionReason(decision.status, kReady), GetParam().reason);
  EXPECT_EQ(IsTrue(decision.status, kStalled), GetParam().stalled);
}

INSTANTIATE_TEST_SUITE_P(
    Reasons, Refused,
    ::testing::Values(
        RefusedCase{"zone", [](auto& o) { o.schedule->spec.time_zone = "Mars/Base"; },
                    "UnknownTimeZone", true},
        RefusedCase{"zoneOfSuspended",
                    [](auto& o) {
                      o.schedule->spec.time_zone = "Mars/Base";
                      o.schedule->spec.suspend = true;
                    },
                    "UnknownTimeZone", true},
        RefusedCase{"cron", [](auto& o) { o.schedule->spec.schedule = "61 * * * *"; },
                    "InvalidSchedule", true},
        RefusedCase{"never", [](auto& o) { o.schedule->spec.schedule = "0 0 30 2 *"; },
                    "InvalidSchedule", true},
        RefusedCase{"suspended", [](auto& o) { o.schedule->spec.suspend = true; }, "Suspended",
                    false},
        RefusedCase{"noPolicy", [](auto& o) { o.policy.reset(); }, "PolicyNotFound", false},
        RefusedCase{"policySuspended", [](auto& o) { o.policy_suspended = true; },
                    "PolicySuspended", false},
        RefusedCase{"policyNotReady", [](auto& o) { o.policy = samples::Policy(); },
                    "PolicyNotReady", false}),
    [](const auto& info) { return info.param.name; });

TEST(ScheduleDecision, RecordsHowItsRunEnded) {
  json object = Schedule();
  object["status"] =
      StatusAfterStart(json::object(), Noon(), "pages", {{"name", "hourly-1"}, {"uid", "u"}});
  auto observed = See(object);
  (*observed.policy)["status"]["lastRun"] = {
      {"name", "hourly-1"}, {"result", "Succeeded"}, {"duration", "3s"}};
  observed.runs = {{"hourly-1", observed.policy, std::nullopt}};
  const auto decision = DecideSchedule(observed, Noon() + std::chrono::seconds(5));
  EXPECT_EQ(decision.status["lastRun"]["result"], "Succeeded");
  EXPECT_EQ(decision.status["active"].size(), 0U);
  EXPECT_TRUE(decision.status.contains("lastSuccessfulTime"));
}

TEST(ScheduleDecision, ARunThatNobodyKnowsWasCancelled) {
  json object = Schedule();
  object["status"] = StatusAfterStart(json::object(), Noon(), "pages", {{"name", "hourly-1"}});
  auto observed = See(object);
  observed.runs = {{"hourly-1", observed.policy, std::nullopt}};
  const auto decision = DecideSchedule(observed, Noon() + std::chrono::seconds(5));
  EXPECT_EQ(decision.status["lastRun"]["result"], "Cancelled");
  EXPECT_EQ(decision.status["active"].size(), 0U);
}

TEST(ScheduleDecision, ARunOfThePolicyThatWasReferredToBeforeIsFollowed) {
  json object = Schedule();
  object["status"] = StatusAfterStart(json::object(), Noon(), "old", {{"name", "hourly-1"}});
  auto observed = See(object);
  json old = samples::ReadyPolicy();
  old["metadata"]["uid"] = "old-uid";
  old["status"]["activeRun"] = {{"name", "hourly-1"}};
  observed.runs = {{"hourly-1", old, std::nullopt}};
  const auto decision = DecideSchedule(observed, Noon() + std::chrono::seconds(5));
  ASSERT_EQ(decision.status["active"].size(), 1U);
  EXPECT_EQ(decision.status["active"][0]["policy"], "old");
  EXPECT_EQ(decision.again.about, Millis(30'000)) << "that policy tells this schedule nothing";
  const json two = StatusAfterStart(decision.status, Noon(), "pages", {{"name", "hourly-2"}});
  EXPECT_EQ(two["active"].size(), 2U);
}

}  // namespace
}  // namespace stoker::reconcile
