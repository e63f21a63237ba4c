// What a run tells of its origin, and how an emergency stop holds its Job.
#include "controller/reconcile/pace_conditions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/reconcile/conditions.h"
#include "controller/reconcile/json_view.h"
#include "controller/reconcile/policy_status.h"
#include "controller/reconcile/shards.h"
#include "tests/unit/reconcile/samples.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kSlow[] = "8 of the last 10 requests took longer than 2s";

class PaceConditionsTest : public ::testing::Test {
 protected:
  PaceConditionsTest() {
    object_["status"]["activeRun"] = samples::Active();
    progress_.in_flight_limit = 10;
  }
  PolicyDecision Decide() {
    auto observed = samples::Observe(object_);
    observed.job = ReadJob(job_);
    observed.progress = progress_;
    PolicyDecision decision = DecidePolicy(observed, samples::Noon());
    object_["status"] = decision.status;
    return decision;
  }
  [[nodiscard]] std::string Says(const char* type) const {
    const json* condition = FindCondition(object_["status"], type);
    return condition == nullptr ? "" : Text(*condition, {"message"});
  }
  void CarryOut(const JobHold& hold) {
    job_.merge_patch(HoldPatch(ReadJob(job_), hold));
    progress_.stopped.reset();
  }

  json object_ = samples::ReadyPolicy();
  json job_ = samples::Job();
  warming::Progress progress_;
};

TEST_F(PaceConditionsTest, ThrottledSaysWhyOnceWithFigures) {
  progress_.in_flight_limit = 4;
  progress_.slowed = "a request took 35ms on average, and 21ms with half as many at a time";
  const auto first = Decide();
  ASSERT_THAT(first.events, SizeIs(1));
  EXPECT_EQ(first.events[0].reason, "Throttled");
  EXPECT_THAT(first.events[0].message, HasSubstr("slows down to 4 requests at a time: a request"));
  EXPECT_EQ(ConditionReason(first.status, kThrottled), "OriginSlow");
  EXPECT_EQ(first.status["origin"]["inFlightLimit"], 4);
  EXPECT_THAT(Decide().events, IsEmpty());
  progress_.slowed.clear();
  Decide();
  EXPECT_EQ(Says(kThrottled), "");
}

TEST_F(PaceConditionsTest, AnOpenCircuitIsToldOfWhenItOpensAndWhenItCloses) {
  progress_.circuit_open = "10 requests in a row failed, the last one by HTTP503";
  const auto opened = Decide();
  ASSERT_THAT(opened.events, SizeIs(1));
  EXPECT_EQ(opened.events[0].reason, "CircuitOpened");
  EXPECT_THAT(Says(kCircuitOpen), HasSubstr("10 requests in a row failed"));
  EXPECT_EQ(opened.status["origin"]["lastTripReason"], progress_.circuit_open);
  EXPECT_THAT(Decide().events, IsEmpty());
  progress_.circuit_open.clear();
  const auto closed = Decide();
  ASSERT_THAT(closed.events, SizeIs(1));
  EXPECT_EQ(closed.events[0].reason, "CircuitClosed");
  EXPECT_EQ(Says(kCircuitOpen), "");
  EXPECT_TRUE(closed.status["origin"].contains("lastTripTime")) << "it stays known";
}

TEST_F(PaceConditionsTest, AStopThatAwaitsAPersonSuspendsTheJobUntilResumeAtIsNew) {
  object_["metadata"]["annotations"][kResumeAtAnnotation] = "old";
  progress_.stopped = warming::Stopped{kSlow, std::nullopt};
  const auto stopped = Decide();
  ASSERT_TRUE(stopped.hold);
  EXPECT_TRUE(stopped.urgent);
  ASSERT_THAT(stopped.events, SizeIs(1));
  EXPECT_EQ(stopped.events[0].reason, "EmergencyStopped");
  EXPECT_THAT(stopped.events[0].message, HasSubstr(kSlow));
  CarryOut(*stopped.hold);
  EXPECT_EQ(job_["spec"]["suspend"], true);

  const auto held = Decide();
  EXPECT_FALSE(held.hold) << "the value that was there before does not count";
  EXPECT_THAT(held.events, IsEmpty());
  EXPECT_THAT(Says(kEmergencyStopped),
              HasSubstr("until the policy's annotation stoker.dev/resumeAt"));
  EXPECT_THAT(Says(kWarm), HasSubstr("stopped: 8 of the last 10"));
  EXPECT_TRUE(held.status.contains("activeRun"));

  object_["metadata"]["annotations"][kResumeAtAnnotation] = "new";
  const auto resumed = Decide();
  ASSERT_TRUE(resumed.hold);
  EXPECT_EQ(Says(kEmergencyStopped), "");
  EXPECT_EQ(resumed.status["lastHandledResume"], "new");
  ASSERT_THAT(resumed.events, SizeIs(1));
  EXPECT_EQ(resumed.events[0].reason, "RunResumed");
  CarryOut(*resumed.hold);
  EXPECT_EQ(job_["spec"]["suspend"], false);
  EXPECT_FALSE(job_["metadata"]["annotations"].contains(kStoppedAnnotation));
  EXPECT_FALSE(Decide().hold);
}

TEST_F(PaceConditionsTest, AStopLeavesNeitherAnOpenCircuitNorThrottlingBehind) {
  progress_.slowed = "slow";
  progress_.circuit_open = "10 requests in a row failed";
  Decide();
  CarryOut({kSlow, ""});
  const auto held = Decide();
  EXPECT_EQ(Says(kThrottled), "");
  EXPECT_EQ(Says(kCircuitOpen), "");
  for (const auto& event : held.events) EXPECT_NE(event.reason, "CircuitClosed");
}

TEST_F(PaceConditionsTest, ARunThatTakesNoWorkAnyMoreSaysNothingOfItsOrigin) {
  progress_.circuit_open = "10 requests in a row failed";
  progress_.stopped = warming::Stopped{kSlow, Millis(60'000)};
  Decide();
  progress_ = {};  // its deadline came
  const auto ending = Decide();
  EXPECT_THAT(ending.events, IsEmpty());
  EXPECT_THAT(Says(kCircuitOpen), HasSubstr("10 requests"));
}

TEST_F(PaceConditionsTest, AJobThatWasSuspendedBeforeItsStatusWasWrittenIsStillToldOf) {
  CarryOut({kSlow, ""});
  const auto decision = Decide();
  EXPECT_FALSE(decision.hold);
  EXPECT_EQ(ConditionReason(decision.status, kEmergencyStopped), "OriginSlow");
  EXPECT_THAT(decision.events, SizeIs(1));
}

TEST_F(PaceConditionsTest, AJobThatOthersSuspendIsNotResumed) {
  job_["spec"]["suspend"] = true;
  object_["metadata"]["annotations"][kResumeAtAnnotation] = "new";
  EXPECT_FALSE(Decide().hold);
  EXPECT_EQ(Says(kEmergencyStopped), "");
}

TEST_F(PaceConditionsTest, ACooldownIsToldOfAndNothingIsHeld) {
  progress_.stopped = warming::Stopped{kSlow, Millis(60'000)};
  const auto stopped = Decide();
  EXPECT_FALSE(stopped.hold);
  EXPECT_THAT(Says(kEmergencyStopped), HasSubstr("emergencyStop.cooldown"));
  progress_.stopped->resumes_in = Millis(1'000);
  EXPECT_FALSE(Decide().urgent) << "a countdown is no news";
  progress_.stopped.reset();
  const auto resumed = Decide();
  ASSERT_THAT(resumed.events, SizeIs(1));
  EXPECT_EQ(resumed.events[0].reason, "RunResumed");
}

TEST_F(PaceConditionsTest, TheEndOfARunTakesThemAllAway) {
  progress_.slowed = "slow";
  progress_.circuit_open = "fails";
  progress_.stopped = warming::Stopped{kSlow, Millis(1)};
  Decide();
  warming::Report report;
  WriteRunEnd(object_["status"], *ReadActiveRun(object_["status"]), report, 1, "h1",
              samples::Noon());
  for (const char* type : {kThrottled, kCircuitOpen, kEmergencyStopped}) EXPECT_EQ(Says(type), "");
}

TEST(PaceOfShards, OneThatAwaitsAPersonOutweighsTheOthersAndThoseGoneSayNothing) {
  warming::Progress cooling, waiting, gone;
  cooling.in_flight_limit = 3;
  cooling.stopped = warming::Stopped{"cools down", Millis(5)};
  waiting.in_flight_limit = 2;
  waiting.stopped = warming::Stopped{kSlow, std::nullopt};
  gone = waiting;
  std::vector<WorkerPod> pods(3);
  for (int i = 0; i < 3; ++i) {
    pods[static_cast<std::size_t>(i)].uid = std::string(1, static_cast<char>('a' + i));
    pods[static_cast<std::size_t>(i)].index = i;
    pods[static_cast<std::size_t>(i)].running = i < 2;
  }
  const auto both =
      CombineShards(pods, {{"a", cooling}, {"b", waiting}, {"c", gone}}, 3, false).progress;
  ASSERT_TRUE(both && both->stopped);
  EXPECT_EQ(both->stopped->message, kSlow);
  EXPECT_FALSE(both->stopped->resumes_in);
  EXPECT_EQ(both->in_flight_limit, 5);
  EXPECT_FALSE(CombineShards(pods, {{"c", gone}}, 3, false).progress->stopped);
}

}  // namespace
}  // namespace stoker::reconcile
