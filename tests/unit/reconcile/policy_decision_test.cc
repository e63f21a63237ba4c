#include "controller/reconcile/policy_decision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/reconcile/conditions.h"
#include "controller/reconcile/policy_status.h"
#include "tests/unit/reconcile/samples.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;
using samples::Noon;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;
using warming::Report;

std::string StatusOf(const json& status, const char* type) {
  const json* condition = FindCondition(status, type);
  return condition == nullptr ? "absent" : condition->at("status").get<std::string>();
}
std::string Message(const json& status, const char* type) {
  return FindCondition(status, type)->at("message").get<std::string>();
}

Report Succeeded() {
  Report report;
  report.result = Report::Result::kSucceeded;
  report.reason = "Warmed";
  report.message = "100 of 100 entries are warm";
  report.progress.tally = {.discovered = 100, .warmed = 90, .skipped = 10};
  report.progress.percent = 100;
  report.progress.enumerated = true;
  report.first_expiry = samples::At("2026-11-27T13:00:00Z");
  return report;
}

json Running(const char* mode = "InProcess") {
  json object = samples::ReadyPolicy();
  object["status"]["activeRun"] = samples::Active("job-uid", mode);
  return object;
}

TEST(PolicyDecision, CallsANewObjectUnknownBeforeAnythingElse) {
  const auto decision = DecidePolicy(samples::Observe(samples::Policy()), Noon());
  EXPECT_EQ(StatusOf(decision.status, kReady), "Unknown");
  EXPECT_EQ(StatusOf(decision.status, kReconciling), "True");
  EXPECT_FALSE(decision.start);
  EXPECT_EQ(decision.again.exactly, Millis(0));
}

TEST(PolicyDecision, ANewObjectForWhichNothingIsToBeDoneIsAnsweredInOneWrite) {
  json spec = samples::Spec();
  spec["triggers"] = {{"onChange", false}};
  auto observed = samples::Observe(samples::Policy(spec));
  const auto answered = DecidePolicy(observed, Noon());
  EXPECT_EQ(StatusOf(answered.status, kReady), "True");
  EXPECT_EQ(StatusOf(answered.status, kReconciling), "absent");
  EXPECT_EQ(answered.status["observedGeneration"], 1);
  EXPECT_NE(answered.again.exactly, Millis(0)) << "there is nothing left to look at";

  observed.references = std::nullopt;
  EXPECT_EQ(StatusOf(DecidePolicy(observed, Noon()).status, kReady), "Unknown")
      << "what it refers to was not looked at yet";

  observed.policy = Invalid("spec.sources[0].pattern: bad");
  EXPECT_EQ(ConditionReason(DecidePolicy(observed, Noon()).status, kReady), "InvalidSpec");
}

TEST(PolicyDecision, StartsTheFirstRunOnceReady) {
  const auto decision = DecidePolicy(samples::Observe(samples::ReadyPolicy()), Noon());
  ASSERT_TRUE(decision.start);
  EXPECT_EQ(decision.start->kind, kTriggerSpec);
  EXPECT_THAT(decision.start->name, StartsWith("pages-"));
  EXPECT_EQ(decision.start->name.size(), std::string("pages-").size() + 10);
  EXPECT_EQ(StatusOf(decision.status, kReady), "True");
  EXPECT_EQ(StatusOf(decision.status, kReconciling), "absent");
  EXPECT_EQ(ConditionReason(decision.status, kWarm), "NeverWarmed");
}

TEST(PolicyDecision, DecidesTheSameTwice) {
  const auto observed = samples::Observe(samples::ReadyPolicy());
  const auto first = DecidePolicy(observed, Noon());
  const auto second = DecidePolicy(observed, Noon());
  EXPECT_EQ(first.status, second.status);
  EXPECT_EQ(first.start, second.start);
}

TEST(PolicyDecision, AnIdlePolicyIsWrittenNothing) {
  json object = samples::ReadyPolicy();
  object["status"]["warmedHash"] = api::ChangeHash(object["spec"]);
  const auto once = DecidePolicy(samples::Observe(object), Noon());
  object["status"] = once.status;
  const auto later = DecidePolicy(samples::Observe(object), Noon() + std::chrono::hours(5));
  EXPECT_EQ(later.status, object["status"]);
  EXPECT_FALSE(later.start);
  EXPECT_FALSE(later.again.Delay(0)) << "an idle policy shall not be looked at again by itself";
}

struct DueCase {
  const char* name;
  std::function<void(json&)> change;
  std::optional<std::string> kind;
};
class Due : public ::testing::TestWithParam<DueCase> {};

TEST_P(Due, Run) {
  json object = samples::ReadyPolicy();
  object["status"]["warmedHash"] = api::ChangeHash(object["spec"]);
  object["status"]["lastHandledRequest"] = "monday";
  object["metadata"]["annotations"] = {{kRequestedAtAnnotation, "monday"}};
  GetParam().change(object);
  const auto trigger = DueTrigger(object, *api::ToWarmingPolicy(object));
  EXPECT_EQ(trigger ? std::optional(trigger->kind) : std::nullopt, GetParam().kind);
}

INSTANTIATE_TEST_SUITE_P(
    Triggers, Due,
    ::testing::Values(
        DueCase{"nothing", [](json&) {}, {}},
        DueCase{"sources", [](json& o) { o["spec"]["sources"][0]["limit"] = 5; }, kTriggerSpec},
        DueCase{"targets", [](json& o) { o["spec"]["targets"][0]["redis"]["database"] = 2; },
                kTriggerSpec},
        DueCase{"pacing", [](json& o) { o["spec"]["pacing"]["requestsPerSecond"] = 7; }, {}},
        DueCase{"scaling", [](json& o) { o["spec"]["execution"]["workers"]["replicas"] = 3; }, {}},
        DueCase{"request",
                [](json& o) { o["metadata"]["annotations"][kRequestedAtAnnotation] = "tuesday"; },
                kTriggerRequest},
        DueCase{"requestOfSuspended",
                [](json& o) {
                  o["metadata"]["annotations"][kRequestedAtAnnotation] = "tuesday";
                  o["spec"]["suspend"] = true;
                },
                {}},
        DueCase{"changeNotWanted",
                [](json& o) {
                  o["spec"]["triggers"]["onChange"] = false;
                  o["spec"]["sources"][0]["limit"] = 5;
                },
                {}},
        DueCase{"whileOneRuns",
                [](json& o) {
                  o["spec"]["sources"][0]["limit"] = 5;
                  o["status"]["activeRun"] = samples::Active();
                },
                {}}),
    [](const auto& info) { return info.param.name; });

TEST(PolicyDecision, PodsThatWereReplacedAreAnsweredOnceByTheirRun) {
  json spec = samples::Spec();
  spec["triggers"]["rollouts"] = json::array({{{"kind", "Deployment"}, {"name", "cache"}}});
  json object = samples::ReadyPolicy(spec);
  object["status"]["warmedHash"] = api::ChangeHash(object["spec"]);
  auto observed = samples::Observe(object);
  Workload cache{.kind = "Deployment",
                 .name = "cache",
                 .settled = true,
                 .last_start = samples::At("2026-11-27T11:00:00Z")};
  const auto look = [&] {
    observed.rollouts = {cache};
    return DecidePolicy(observed, Noon());
  };
  const auto first = look();
  EXPECT_FALSE(first.start) << "first sight";
  observed.object["status"] = first.status;
  cache.last_start = samples::At("2026-11-27T11:59:00Z");
  observed.references = std::nullopt;
  EXPECT_FALSE(look().start) << "what it refers to was not looked at";
  EXPECT_EQ(look().status["rollouts"][0]["lastStart"], "2026-11-27T11:00:00Z");
  observed.references = std::vector<Problem>();
  const auto replaced = look();
  ASSERT_TRUE(replaced.start);
  EXPECT_EQ(replaced.start->kind, kTriggerRollout);
  EXPECT_EQ(replaced.status["rollouts"][0]["lastStart"], "2026-11-27T11:59:00Z");
  observed.object["status"] = replaced.status;
  EXPECT_FALSE(look().start);

  cache.problem = "Deployment \"cache\" does not exist";
  cache.reason = "WorkloadNotFound";
  const auto gone = look();
  EXPECT_THAT(gone.events, SizeIs(1));
  EXPECT_EQ(StatusOf(gone.status, kReady), "True") << "schedules go on";
  observed.object["status"] = gone.status;
  EXPECT_THAT(look().events, IsEmpty()) << "told once";
}

TEST(PolicyDecision, ARunBackToAnOldSpecHasANewName) {
  json object = samples::ReadyPolicy();
  const auto first = DueTrigger(object, *api::ToWarmingPolicy(object));
  object["status"]["lastRun"] = {{"uid", "job-2"}};
  object["metadata"]["generation"] = 3;
  const auto again = DueTrigger(object, *api::ToWarmingPolicy(object));
  ASSERT_TRUE(first && again);
  EXPECT_NE(first->name, again->name);
}

TEST(PolicyDecision, ALongRequestIsKeptByItsHash) {
  json object = samples::ReadyPolicy();
  object["metadata"]["annotations"] = {{kRequestedAtAnnotation, std::string(5000, 'x')}};
  EXPECT_THAT(RequestOf(object), StartsWith("sha256:"));
  EXPECT_LT(RequestOf(object).size(), 100U);
}

TEST(PolicyDecision, AMissingSecretIsNotReadyToldOnceAndLookedAtAgain) {
  json object = samples::ReadyPolicy();
  auto observed = samples::Observe(object);
  observed.references =
      std::vector<Problem>{{"SecretNotFound", "spec.x: Secret \"a\" does not exist"}};
  const auto decision = DecidePolicy(observed, Noon());
  EXPECT_EQ(StatusOf(decision.status, kReady), "False");
  EXPECT_EQ(ConditionReason(decision.status, kReady), "SecretNotFound");
  EXPECT_EQ(StatusOf(decision.status, kReconciling), "True");
  EXPECT_EQ(StatusOf(decision.status, kStalled), "absent");
  EXPECT_FALSE(decision.start);
  EXPECT_EQ(decision.again.about, Millis(30'000))
      << "all that lack something need not come at once";
  ASSERT_THAT(decision.events, SizeIs(1));
  EXPECT_EQ(decision.events[0].reason, "SecretNotFound");

  object["status"] = decision.status;
  observed.object = object;
  EXPECT_THAT(DecidePolicy(observed, Noon()).events, IsEmpty());

  observed.references = std::vector<Problem>();
  const auto healed = DecidePolicy(observed, Noon());
  EXPECT_EQ(StatusOf(healed.status, kReady), "True");
  EXPECT_TRUE(healed.start);
}

TEST(PolicyDecision, OnlyAPersonCanMendASpecThatTheSchemaLetThrough) {
  auto observed = samples::Observe(samples::ReadyPolicy());
  observed.policy = Invalid("spec.sources[0].pattern: bad");
  const auto decision = DecidePolicy(observed, Noon());
  EXPECT_EQ(ConditionReason(decision.status, kReady), "InvalidSpec");
  EXPECT_EQ(StatusOf(decision.status, kStalled), "True");
  EXPECT_EQ(StatusOf(decision.status, kReconciling), "absent");
  EXPECT_FALSE(decision.start);
}

TEST(PolicyDecision, InProcessNeedsTheNamespacesLabel) {
  json spec = samples::Spec();
  spec["execution"] = {{"mode", "InProcess"}};
  auto observed = samples::Observe(samples::ReadyPolicy(spec));
  const auto refused = DecidePolicy(observed, Noon());
  EXPECT_EQ(ConditionReason(refused.status, kReady), "InProcessNotAllowed");
  EXPECT_THAT(Message(refused.status, kReady), HasSubstr("stoker.dev/in-process=allowed"));
  EXPECT_THAT(Message(refused.status, kReady), HasSubstr("administrator"));
  EXPECT_FALSE(refused.start);
  observed.in_process_allowed = true;
  EXPECT_TRUE(DecidePolicy(observed, Noon()).start);
}

TEST(PolicyDecision, AutoRunsInProcessWhereAllowedAndSmall) {
  auto spec = api::ToWarmingPolicy(samples::Policy())->spec;
  EXPECT_EQ(ChooseMode(spec, true, 100'000), RunMode::kInProcess);
  EXPECT_EQ(ChooseMode(spec, true, 100'001), RunMode::kPods);
  EXPECT_EQ(ChooseMode(spec, true, std::nullopt), RunMode::kPods);
  EXPECT_EQ(ChooseMode(spec, false, 1), RunMode::kPods);
  spec.origins[0].http->max_body_bytes = kInProcessValueBytes;
  EXPECT_EQ(ChooseMode(spec, true, 1), RunMode::kInProcess);
  spec.origins[0].http->max_body_bytes = kInProcessValueBytes + 1;
  EXPECT_EQ(ChooseMode(spec, true, 1), RunMode::kPods);
  spec.origins.clear();
  spec.execution.mode = api::Execution::Mode::kPods;
  EXPECT_EQ(ChooseMode(spec, true, 1), RunMode::kPods);
}

TEST(PolicyDecision, AnIntendedRunGetsItsJobWhateverElseIsDue) {
  json object = samples::ReadyPolicy();
  object["status"]["activeRun"] = samples::Active("");
  object["metadata"]["annotations"] = {{kRequestedAtAnnotation, "now"}};
  const auto decision = DecidePolicy(samples::Observe(object), Noon());
  EXPECT_TRUE(decision.ensure_job);
  EXPECT_FALSE(decision.start);
}

TEST(PolicyDecision, ADeletedJobsRunLastsUntilItsPodsHaveEnded) {
  auto observed = samples::Observe(Running());
  observed.workers_left = 2;
  const auto held = DecidePolicy(observed, Noon());
  EXPECT_TRUE(held.status.contains("activeRun"));
  EXPECT_FALSE(held.start) << "two runs would send at twice the rate";
  EXPECT_THAT(held.status["progress"]["waiting"].get<std::string>(),
              HasSubstr("2 of its pods have not ended"));
  EXPECT_EQ(held.again.exactly, Millis(1000));
  observed.job = ReadJob(samples::Job());
  observed.job->being_deleted = true;
  EXPECT_FALSE(DecidePolicy(observed, Noon()).run_ended);
  observed.workers_left = 0;
  const auto over = DecidePolicy(observed, Noon());
  EXPECT_TRUE(over.run_ended);
  EXPECT_EQ(over.status["lastRun"]["result"], "Cancelled");
}

TEST(PolicyDecision, TellsProgressWhileARunGoesOn) {
  auto observed = samples::Observe(Running());
  observed.job = ReadJob(samples::Job());
  observed.progress = warming::Progress();
  observed.progress->tally = {.discovered = 100, .warmed = 40, .left = 60};
  observed.progress->percent = 40;
  observed.progress->throttled = true;
  observed.progress->in_flight_limit = 10;
  const auto decision = DecidePolicy(observed, Noon());
  EXPECT_EQ(decision.status["progress"]["percent"], 40);
  EXPECT_EQ(ConditionReason(decision.status, kWarm), "Running");
  EXPECT_EQ(ConditionReason(decision.status, kThrottled), "RetryAfter");
  EXPECT_EQ(StatusOf(decision.status, kReconciling), "absent") << "a run is no reconciling";
  EXPECT_EQ(decision.again.exactly, Millis(1000));
}

TEST(PolicyDecision, SaysOnceWhatARunWaitsFor) {
  auto observed = samples::Observe(Running());
  observed.job = ReadJob(samples::Job());
  observed.progress = warming::Progress();
  observed.progress->waiting = {"TargetUnavailable", "redis.shop:6379 refused the connection"};
  const auto decision = DecidePolicy(observed, Noon());
  ASSERT_THAT(decision.events, SizeIs(1));
  EXPECT_EQ(decision.events[0].reason, "TargetUnavailable");
  EXPECT_THAT(Message(decision.status, kWarm), HasSubstr("refused the connection"));
  observed.last_waiting = observed.progress->waiting->message;
  EXPECT_THAT(DecidePolicy(observed, Noon()).events, IsEmpty());
  observed.progress->waiting = {"OriginUnavailable", "catalogue.shop: no such host"};
  EXPECT_EQ(DecidePolicy(observed, Noon()).events.at(0).reason, "OriginUnavailable");
}

TEST(PolicyDecision, SaysThatAResumedRunReadsItsSourcesAgain) {
  auto observed = samples::Observe(Running());
  observed.job = ReadJob(samples::Job());
  observed.progress = warming::Progress();
  observed.progress->resumed = warming::Resumed::kGoesOn;
  EXPECT_THAT(Message(DecidePolicy(observed, Noon()).status, kWarm), HasSubstr("is under way"));
  observed.progress->resumed = warming::Resumed::kSkipsWarm;
  EXPECT_THAT(Message(DecidePolicy(observed, Noon()).status, kWarm),
              HasSubstr("skips what the targets hold"));
  observed.progress->resumed = warming::Resumed::kStartsOver;
  EXPECT_THAT(Message(DecidePolicy(observed, Noon()).status, kWarm), HasSubstr("starts over"));
}

TEST(PolicyDecision, RecordsASuccess) {
  json object = Running();
  object["status"]["activeRun"]["changeHash"] = api::ChangeHash(object["spec"]);
  object["status"]["activeRun"]["request"] = "tuesday";
  auto observed = samples::Observe(object);
  observed.job = ReadJob(samples::FinishedJob("Complete"));
  observed.report = Succeeded();
  const auto decision = DecidePolicy(observed, Noon());
  const json& status = decision.status;
  EXPECT_TRUE(decision.run_ended);
  EXPECT_FALSE(status.contains("activeRun"));
  EXPECT_EQ(status["lastRun"]["result"], "Succeeded");
  EXPECT_EQ(status["lastRun"]["uid"], "job-uid");
  EXPECT_EQ(status["lastHandledRequest"], "tuesday");
  EXPECT_EQ(status["warmedHash"], api::ChangeHash(object["spec"]));
  EXPECT_EQ(status["warmUntil"], "2026-11-27T13:00:00Z");
  EXPECT_EQ(StatusOf(status, kWarm), "True");
  EXPECT_EQ(decision.events.at(0).reason, "RunCompleted");
}

TEST(PolicyDecision, ARequestIsNotHandledBeforeItsRunEnded) {
  json object = Running();
  object["status"]["activeRun"]["request"] = "tuesday";
  auto observed = samples::Observe(object);
  observed.job = ReadJob(samples::Job());
  EXPECT_FALSE(DecidePolicy(observed, Noon()).status.contains("lastHandledRequest"));
}

TEST(PolicyDecision, AFailedChangeIsNotTriedAgainByItself) {
  json object = Running();
  object["status"]["activeRun"]["changeHash"] = api::ChangeHash(object["spec"]);
  auto observed = samples::Observe(object);
  observed.job = ReadJob(samples::FinishedJob("Failed", "TargetOutOfMemory"));
  const auto decision = DecidePolicy(observed, Noon());
  EXPECT_EQ(ConditionReason(decision.status, kWarm), "RunFailed");
  EXPECT_EQ(decision.status["lastRun"]["reason"], "TargetOutOfMemory");
  EXPECT_EQ(decision.events.at(0).reason, "RunFailed");
  object["status"] = decision.status;
  EXPECT_FALSE(DecidePolicy(samples::Observe(object), Noon()).start);
}

TEST(PolicyDecision, BelowTheMinimumIsNotWarm) {
  auto observed = samples::Observe(Running());
  observed.job = ReadJob(samples::FinishedJob("Failed", "BelowMinimum"));
  observed.report = Succeeded();
  observed.report->result = Report::Result::kFailed;
  observed.report->reason = "BelowMinimum";
  EXPECT_EQ(ConditionReason(DecidePolicy(observed, Noon()).status, kWarm), "BelowMinimum");
}

TEST(PolicyDecision, TheJobsVerdictStandsAgainstAReportThatSaysOtherwise) {
  auto observed = samples::Observe(Running("Pods"));
  observed.job = ReadJob(samples::FinishedJob("Failed", "DeadlineExceeded"));
  observed.report = Succeeded();
  const auto decision = DecidePolicy(observed, Noon());
  EXPECT_EQ(decision.status["lastRun"]["result"], "Failed");
  EXPECT_EQ(decision.status["lastRun"]["reason"], "DeadlineExceeded");
}

TEST(PolicyDecision, AJobWhosePodsAllHadNothingToDoDiscoveredNothing) {
  auto observed = samples::Observe(Running("Pods"));
  observed.job = ReadJob(samples::FinishedJob("Complete"));
  observed.report = Report{};
  observed.report->reason = "NothingDiscovered";
  const auto decision = DecidePolicy(observed, Noon());
  EXPECT_EQ(decision.status["lastRun"]["result"], "Failed");
  EXPECT_EQ(decision.status["lastRun"]["reason"], "NothingDiscovered");
}

TEST(PolicyDecision, ADeletedJobIsACancelledRunThatKeepsWhatWasSeen) {
  json object = Running();
  object["status"]["progress"] = {
      {"discovered", 100}, {"warmed", 30}, {"skipped", 0}, {"failed", 0}};
  auto observed = samples::Observe(object);
  observed.host_running = true;
  EXPECT_FALSE(DecidePolicy(observed, Noon()).run_ended) << "its account is still to come";
  EXPECT_TRUE(DecidePolicy(observed, Noon()).cancel_run) << "whatever else should have ended it";
  observed.host_running = false;
  const auto decision = DecidePolicy(observed, Noon());
  EXPECT_EQ(decision.status["lastRun"]["result"], "Cancelled");
  EXPECT_EQ(ConditionReason(decision.status, kWarm), "Cancelled");
  EXPECT_EQ(decision.status["progress"]["warmed"], 30);
  EXPECT_EQ(decision.events.at(0).reason, "RunCancelled");
}

TEST(PolicyDecision, AnEditDuringARunWaitsForItsEnd) {
  json object = Running();
  object["status"]["activeRun"]["changeHash"] = "of the old spec";
  object["metadata"]["generation"] = 2;
  auto observed = samples::Observe(object);
  observed.job = ReadJob(samples::FinishedJob("Complete"));
  observed.report = Succeeded();
  const auto ended = DecidePolicy(observed, Noon());
  EXPECT_FALSE(ended.start);
  EXPECT_EQ(FindCondition(ended.status, kWarm)->at("observedGeneration"), 1)
      << "kubectl wait for the new generation must not pass on the old one's run";
  object["status"] = ended.status;
  EXPECT_TRUE(DecidePolicy(samples::Observe(object), Noon()).start);
}

TEST(PolicyDecision, WhatWasWarmedExpires) {
  json object = samples::ReadyPolicy();
  object["status"]["warmedHash"] = api::ChangeHash(object["spec"]);
  object["status"]["warmUntil"] = "2026-11-27T12:30:00Z";
  SetCondition(object["status"], {kWarm, "True", "Warmed", "warm", 1}, Noon());
  const auto before = DecidePolicy(samples::Observe(object), Noon());
  EXPECT_EQ(StatusOf(before.status, kWarm), "True");
  EXPECT_EQ(before.again.exactly, Millis(30 * 60'000));
  const auto after = DecidePolicy(samples::Observe(object), samples::At("2026-11-27T12:30:00Z"));
  EXPECT_EQ(ConditionReason(after.status, kWarm), "Expired");
  EXPECT_FALSE(after.again.Delay(0));
}

TEST(PolicyDecision, StaysWarmWhileTheNextRunGoesOverIt) {
  json object = Running();
  SetCondition(object["status"], {kWarm, "True", "Warmed", "warm", 1}, Noon());
  object["status"]["warmUntil"] = "2026-11-27T12:30:00Z";
  auto observed = samples::Observe(object);
  observed.job = ReadJob(samples::Job());
  EXPECT_EQ(StatusOf(DecidePolicy(observed, Noon()).status, kWarm), "True");
  EXPECT_EQ(
      ConditionReason(DecidePolicy(observed, samples::At("2026-11-27T12:31:00Z")).status, kWarm),
      "Running");
}

TEST(PolicyDecision, ScalingDoesNotMakeAWarmCacheLookOutdated) {
  json object = samples::ReadyPolicy();
  object["status"]["warmedHash"] = api::ChangeHash(object["spec"]);
  SetCondition(object["status"], {kWarm, "True", "Warmed", "warm", 1}, Noon());
  object["metadata"]["generation"] = 2;
  const auto decision = DecidePolicy(samples::Observe(object), Noon());
  EXPECT_EQ(FindCondition(decision.status, kWarm)->at("observedGeneration"), 2);
}

TEST(PolicyDecision, ReadsReferencesOnlyWhenItMatters) {
  json object = samples::ReadyPolicy();
  object["status"]["warmedHash"] = api::ChangeHash(object["spec"]);
  const auto policy = *api::ToWarmingPolicy(object);
  EXPECT_FALSE(NeedsReferences(object, policy));
  json edited = object;
  edited["metadata"]["generation"] = 2;
  EXPECT_TRUE(NeedsReferences(edited, policy));
  json not_ready = object;
  SetCondition(not_ready["status"], {kReady, "False", "SecretNotFound", "", 1}, Noon());
  EXPECT_TRUE(NeedsReferences(not_ready, policy));
}

}  // namespace
}  // namespace stoker::reconcile
