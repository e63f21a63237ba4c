#include "controller/reconcile/housekeeping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/reconcile/json_view.h"
#include "tests/unit/reconcile/samples.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

json Ended(const std::string& name, const char* type, const std::string& end) {
  json job = samples::FinishedJob(type);
  job["metadata"]["name"] = name;
  job["metadata"]["uid"] = "uid-" + name;
  job["status"]["conditions"][0]["lastTransitionTime"] = end;
  if (job["status"].contains("completionTime")) job["status"]["completionTime"] = end;
  return job;
}

kube::Object Shared(json object) { return std::make_shared<const json>(std::move(object)); }

std::vector<std::string> NamesOf(const std::vector<JobState>& jobs) {
  std::vector<std::string> names;
  for (const JobState& job : jobs) names.push_back(job.name);
  return names;
}

TEST(Tidy, TheOldestBeyondEachLimitGoAndTheOthersGetTheirTtl) {
  std::vector<kube::Object> jobs;
  for (const char* hour : {"05", "02", "04", "03"}) {
    jobs.push_back(Shared(Ended(std::string("good-") + hour, "Complete",
                                std::string("2026-11-27T") + hour + ":00:00Z")));
  }
  jobs.push_back(Shared(Ended("bad-01", "Failed", "2026-11-27T01:00:00Z")));
  jobs.push_back(Shared(Ended("bad-06", "Failed", "2026-11-27T06:00:00Z")));
  const TidyDecision decision = DecideTidy(jobs, {}, {.successful = 3, .failed = 1}, "");
  EXPECT_THAT(NamesOf(decision.remove), ElementsAre("bad-01", "good-02"));
  EXPECT_THAT(NamesOf(decision.expire), ElementsAre("good-03", "good-04", "good-05", "bad-06"));
}

TEST(Tidy, OfTwoThatEndedInOneSecondTheLastRunStays) {
  const std::vector<kube::Object> jobs = {
      Shared(Ended("run-a", "Complete", "2026-11-27T01:00:00Z")),
      Shared(Ended("run-b", "Complete", "2026-11-27T01:00:00Z"))};
  for (const auto& [last, oldest] : {std::pair("run-a", "run-b"), std::pair("run-b", "run-a")}) {
    const auto decision = DecideTidy(jobs, {}, {.successful = 1, .failed = 1}, last);
    EXPECT_THAT(NamesOf(decision.remove), ElementsAre(oldest));
  }
}

TEST(Tidy, LeavesAloneWhatRunsIsBeingDeletedOrHasItsTtl) {
  json going = Ended("going", "Complete", "2026-11-27T01:00:00Z");
  going["metadata"]["deletionTimestamp"] = "2026-11-27T02:00:00Z";
  json expiring = Ended("expiring", "Complete", "2026-11-27T01:00:00Z");
  expiring["spec"]["ttlSecondsAfterFinished"] = 60;
  const TidyDecision decision =
      DecideTidy({Shared(samples::Job()), Shared(going), Shared(expiring)}, {},
                 {.successful = 3, .failed = 1}, "");
  EXPECT_THAT(decision.remove, IsEmpty());
  EXPECT_THAT(decision.expire, IsEmpty());
}

TEST(Tidy, AScheduledRunStaysUntilItsScheduleKnowsHowItEnded) {
  json job = Ended("often-1", "Complete", "2026-11-27T12:00:30Z");
  job["metadata"]["labels"][kScheduleLabel] = "often";
  job["metadata"]["annotations"][kSlotAnnotation] = "2026-11-27T12:00:00Z";
  const auto decide = [&](const std::vector<kube::Object>& schedules) {
    return DecideTidy({Shared(job)}, schedules, {.successful = 0, .failed = 0}, "");
  };
  json schedule = {
      {"metadata", {{"name", "often"}}},
      {"status",
       {{"lastScheduleTime", "2026-11-27T12:00:00Z"}, {"active", {{{"name", "often-1"}}}}}}};
  EXPECT_TRUE(decide({Shared(schedule)}).waits_for_schedule);
  EXPECT_THAT(decide({Shared(schedule)}).remove, IsEmpty());
  schedule["status"]["active"] = json::array();
  EXPECT_THAT(NamesOf(decide({Shared(schedule)}).remove), ElementsAre("often-1"));
  schedule["status"]["lastScheduleTime"] = "2026-11-27T11:00:00Z";
  EXPECT_TRUE(decide({Shared(schedule)}).waits_for_schedule) << "it has not written the start yet";
  EXPECT_THAT(NamesOf(decide({}).remove), ElementsAre("often-1")) << "the schedule is gone";
}

TEST(Tidy, OnlyThePolicysOwnUnmountedConfigMapsAreUnused) {
  const json policy = samples::Policy();
  json job = samples::Job();
  job["spec"]["template"]["spec"]["volumes"] = {
      {{"name", "plan"}, {"configMap", {{"name", "used"}}}}};
  const auto config_map = [&](const char* name, const json& owner) {
    return json{{"metadata",
                 {{"name", name}, {"ownerReferences", json::array({ControllerReference(owner)})}}}};
  };
  json other = policy;
  other["metadata"]["uid"] = "another";
  const auto unused = UnusedConfigMaps(
      policy, {config_map("used", policy), config_map("old", policy), config_map("theirs", other)},
      {Shared(job)});
  ASSERT_EQ(unused.size(), 1);
  EXPECT_EQ(Name(unused[0]), "old");
}

}  // namespace
}  // namespace stoker::reconcile
