// A field of status exists in the CRD exactly if it is written: one that nobody writes is a promise
// not kept, one that the CRD lacks is dropped by the API server without a word.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/api/schema.h"
#include "controller/reconcile/pace_conditions.h"
#include "controller/reconcile/policy_status.h"
#include "controller/reconcile/schedule_decision.h"
#include "tests/unit/reconcile/samples.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;
using ::testing::UnorderedElementsAreArray;

std::vector<std::string> Members(const json& object) {
  std::vector<std::string> names;
  for (const auto& [name, value] : object.items()) names.push_back(name);
  return names;
}

// Of an object of status, or of the items of a list.
std::vector<std::string> Promised(const char* plural, const char* field) {
  const auto documents = api::ParseDocuments(api::CrdYaml(plural));
  const json& schema = documents->front()["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
  const json& found = schema["properties"]["status"]["properties"][field];
  return Members(found.contains("items") ? found["items"]["properties"] : found["properties"]);
}

ActiveRun FullRun() {
  return {.name = "pages-0123456789",
          .uid = "job-uid",
          .plan_hash = "p",
          .change_hash = "c",
          .trigger = kTriggerSchedule,
          .request = "r",
          .schedule = "hourly",
          .slot = "2026-11-27T12:00:00Z",
          .start_time = "2026-11-27T12:00:01Z",
          .mode = RunMode::kPods,
          .attempt = 1};
}

warming::Progress FullProgress() {
  warming::Progress progress;
  progress.targets = {{"l2", 1, 0}};
  progress.failures = {{"HTTP404", 1, "k", "gone"}};
  progress.eta = std::chrono::seconds(5);
  progress.waiting.emplace();
  progress.in_flight_limit = 4;
  progress.circuit_open = "it fails";
  return progress;
}

TEST(StatusSchema, EveryFieldOfARunIsWritten) {
  EXPECT_THAT(Members(ToJson(FullRun())),
              UnorderedElementsAreArray(Promised("warmingpolicies", "activeRun")));
  json status = json::object();
  WriteRunEnd(status, FullRun(), {}, 1, "c", samples::Noon());
  EXPECT_THAT(Members(status["lastRun"]),
              UnorderedElementsAreArray(Promised("warmingpolicies", "lastRun")));
}

TEST(StatusSchema, EveryFieldOfProgressIsWritten) {
  json status = json::object();
  const warming::Progress progress = FullProgress();
  WriteProgress(status, progress);
  std::vector<EventToSend> events;
  FollowPace(status, {FullRun(), {}, &progress, "", 1}, events, samples::Noon());
  for (const char* field : {"progress", "origin"}) {
    EXPECT_THAT(Members(status[field]),
                UnorderedElementsAreArray(Promised("warmingpolicies", field)))
        << field;
  }
  for (const char* field : {"targets", "failures"}) {
    EXPECT_THAT(Members(status[field].at(0)),
                UnorderedElementsAreArray(Promised("warmingpolicies", field)))
        << field;
  }
}

TEST(StatusSchema, EveryFieldOfASchedulesRunIsWritten) {
  const json status = StatusAfterStart(json::object(), samples::Noon(), "pages",
                                       {{"name", "hourly-1"}, {"uid", "u"}});
  EXPECT_THAT(Members(status["active"][0]),
              UnorderedElementsAreArray(Promised("prewarmschedules", "active")));
}

}  // namespace
}  // namespace stoker::reconcile
