#include "controller/reconcile/run_decision.h"

#include <gtest/gtest.h>

#include "controller/reconcile/conditions.h"
#include "tests/unit/reconcile/samples.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;
using samples::Noon;

json PolicyRunning(const std::string& uid = "job-uid") {
  json object = samples::ReadyPolicy();
  object["status"]["activeRun"] = samples::Active(uid);
  return object;
}

struct TrustCase {
  const char* name;
  std::function<void(json& job, json& policy)> change;
  Trust trust;
};
class JudgedJob : public ::testing::TestWithParam<TrustCase> {};

TEST_P(JudgedJob, IsTrustedOnlyAsTheActiveRunOfALivePolicy) {
  json job = samples::Job();
  json policy = PolicyRunning();
  GetParam().change(job, policy);
  EXPECT_EQ(JudgeJob(job, &policy), GetParam().trust);
}

INSTANTIATE_TEST_SUITE_P(
    Trust, JudgedJob,
    ::testing::Values(
        TrustCase{"ours", [](json&, json&) {}, Trust::kTrusted},
        TrustCase{"justMade", [](json&, json& p) { p["status"]["activeRun"].erase("uid"); },
                  Trust::kNotYet},
        TrustCase{"noOwner", [](json& j, json&) { j["metadata"].erase("ownerReferences"); },
                  Trust::kForged},
        TrustCase{"ownerNotController",
                  [](json& j, json&) { j["metadata"]["ownerReferences"][0]["controller"] = false; },
                  Trust::kForged},
        TrustCase{"policyOfAnotherLife", [](json&, json& p) { p["metadata"]["uid"] = "new"; },
                  Trust::kForged},
        TrustCase{"otherUid", [](json& j, json&) { j["metadata"]["uid"] = "forged"; },
                  Trust::kForged},
        TrustCase{"otherName", [](json& j, json&) { j["metadata"]["name"] = "forged"; },
                  Trust::kForged},
        TrustCase{"otherNamespace", [](json& j, json&) { j["metadata"]["namespace"] = "evil"; },
                  Trust::kForged},
        TrustCase{"noActiveRun", [](json&, json& p) { p["status"].erase("activeRun"); },
                  Trust::kForged},
        TrustCase{"aPodsRun", [](json&, json& p) { p["status"]["activeRun"]["mode"] = "Pods"; },
                  Trust::kForged},
        TrustCase{
            "policyGoing",
            [](json&, json& p) { p["metadata"]["deletionTimestamp"] = "2026-11-27T12:00:00Z"; },
            Trust::kForged}),
    [](const auto& info) { return info.param.name; });

TEST(RunDecision, FollowsTheJob) {
  const json policy = PolicyRunning();
  json job = samples::Job();
  RunObserved observed{.job = &job, .policy = &policy};
  EXPECT_EQ(DecideRun(observed), RunStep::kBegin);
  observed.host = HostState::kRunning;
  EXPECT_EQ(DecideRun(observed), RunStep::kNothing);
  job["spec"]["suspend"] = true;
  EXPECT_EQ(DecideRun(observed), RunStep::kSuspend);
  job["spec"]["suspend"] = false;
  observed.paused = true;
  EXPECT_EQ(DecideRun(observed), RunStep::kResume);
  observed.host = HostState::kEnded;
  EXPECT_EQ(DecideRun(observed), RunStep::kFinish);
  job["metadata"]["deletionTimestamp"] = "2026-11-27T12:00:00Z";
  EXPECT_EQ(DecideRun(observed), RunStep::kCancel);
}

TEST(RunDecision, AForgedJobIsOnlyToldOf) {
  json job = samples::Job();
  EXPECT_EQ(DecideRun({.job = &job}), RunStep::kTellForged);
  job["status"]["startTime"] = "2026-11-27T11:59:00Z";
  EXPECT_EQ(DecideRun({.job = &job}), RunStep::kNothing)
      << "its policy was deleted, it is being collected";
  EXPECT_EQ(DecideRun({.job = &job, .host = HostState::kRunning}), RunStep::kCancel);
}

TEST(RunDecision, LeavesPodsJobsAndFinishedOnesAlone) {
  const json policy = PolicyRunning();
  json pods = samples::Job();
  pods["spec"].erase("managedBy");
  EXPECT_EQ(DecideRun({.job = &pods, .policy = &policy}), RunStep::kNothing);
  const json finished = samples::FinishedJob("Complete");
  EXPECT_EQ(DecideRun({.job = &finished, .policy = &policy}), RunStep::kNothing);
}

TEST(RunDecision, ASuspendedJobIsToldOfOnceAndHeldUntilItIsResumed) {
  const json policy = PolicyRunning();
  json job = samples::Job();
  job["spec"]["suspend"] = true;
  EXPECT_EQ(DecideRun({.job = &job, .policy = &policy}), RunStep::kSuspend);
  job["status"] = SuspendedStatus(job, Noon());
  job["status"].erase("startTime");  // null in a merge patch: taken away
  EXPECT_EQ(DecideRun({.job = &job, .policy = &policy}), RunStep::kNothing);
  EXPECT_EQ(DecideRun({.job = &job, .policy = &policy, .host = HostState::kRunning}),
            RunStep::kSuspend)
      << "it runs all the same";
  job["spec"]["suspend"] = false;
  EXPECT_EQ(DecideRun({.job = &job, .policy = &policy}), RunStep::kBegin);
  const json running = RunningStatus(job, Noon());
  EXPECT_EQ(ConditionReason(running, "Suspended"), "JobResumed");
  EXPECT_TRUE(running.contains("startTime"));
}

TEST(RunDecision, AJobThatIsGoneEndsItsDataPlane) {
  const json policy = PolicyRunning();
  EXPECT_EQ(DecideRun({.job = nullptr, .policy = &policy}), RunStep::kCancel);
  json job = samples::Job();
  EXPECT_EQ(DecideRun({.job = &job, .policy = nullptr, .host = HostState::kRunning}),
            RunStep::kCancel)
      << "its policy is gone";
}

TEST(RunDecision, ARunThatBroughtItsHostDownThreeTimesIsOver) {
  EXPECT_FALSE(OverAlready(1, std::nullopt));
  EXPECT_FALSE(OverAlready(3, std::nullopt));
  const auto lost = OverAlready(4, std::nullopt);
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->result, warming::Report::Result::kFailed);
  EXPECT_EQ(lost->reason, "RunLostTooOften");
  warming::Report kept;
  kept.result = warming::Report::Result::kSucceeded;
  kept.reason = "Warmed";
  EXPECT_EQ(OverAlready(9, kept)->reason, "Warmed") << "it ended; only the Job does not say so";
}

TEST(JobStatus, StartTimeIsSetOnceAndActiveEndsAtZero) {
  json job = samples::Job();
  EXPECT_EQ(RunningStatus(job, Noon())["startTime"], "2026-11-27T12:00:00Z");
  job["status"]["startTime"] = "2026-11-27T11:00:00Z";
  EXPECT_FALSE(RunningStatus(job, Noon()).contains("startTime"));
  warming::Report report;
  report.result = warming::Report::Result::kSucceeded;
  report.reason = "Warmed";
  const json good = FinishedStatus(job, report, Noon());
  EXPECT_TRUE(IsTrue(good, "SuccessCriteriaMet"));
  EXPECT_TRUE(IsTrue(good, "Complete"));
  EXPECT_EQ(good["completionTime"], "2026-11-27T12:00:00Z");
  EXPECT_EQ(good["active"], 0);
  report.result = warming::Report::Result::kFailed;
  report.reason = "TargetAuth";
  const json bad = FinishedStatus(job, report, Noon());
  EXPECT_TRUE(IsTrue(bad, "FailureTarget"));
  EXPECT_EQ(ConditionReason(bad, "Failed"), "TargetAuth");
  EXPECT_FALSE(bad.contains("completionTime"));
}

}  // namespace
}  // namespace stoker::reconcile
