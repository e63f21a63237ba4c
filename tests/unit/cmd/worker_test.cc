#include "cmd/stoker-worker/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/api/manifest.h"
#include "tests/support/process.h"
#include "tests/unit/cmd/sample_manifests.h"

namespace stoker::worker {
namespace {

using ::testing::HasSubstr;

class ReadAssignmentTest : public ::testing::Test {
 protected:
  ReadAssignmentTest() {
    auto object = api::ParseDocuments(testing::SamplePolicy())->at(0);
    object["spec"]["execution"]["workers"]["replicas"] = 3;
    EXPECT_TRUE(api::DefaultAndValidate(object).empty());
    text_ = warming::SerializePlan({.policy_namespace = "shop",
                                    .policy_name = "pages",
                                    .policy_uid = "u",
                                    .spec = object["spec"],
                                    .pinned = {}});
    options_.plan_file = dir_.File("plan.json", text_);
    options_.plan_hash = warming::PlanHash(text_);
    options_.run = "pages-1";
  }
  std::string Refusal() {
    const auto assignment = ReadAssignment(options_);
    return assignment ? "accepted" : assignment.error().message;
  }
  testing::TempDir dir_;
  std::string text_;
  WorkerOptions options_;
};

TEST_F(ReadAssignmentTest, TakesItsShareOfThePlan) {
  options_.index = 2;
  const auto assignment = ReadAssignment(options_);
  ASSERT_TRUE(assignment) << assignment.error().message;
  EXPECT_EQ(assignment->policy, "shop/pages");
  EXPECT_EQ(assignment->spec.id, "pages-1");
  EXPECT_EQ(assignment->spec.shard.index, 2);
  EXPECT_EQ(assignment->spec.shard.count, 3);
}

TEST_F(ReadAssignmentTest, RefusesAPlanThatIsNotTheOneAskedFor) {
  (void)dir_.File("plan.json", text_ + " ");
  EXPECT_THAT(Refusal(), HasSubstr("it was changed after the run began"));
  options_.plan_hash = "";
  EXPECT_THAT(Refusal(), HasSubstr("STOKER_PLAN_HASH"));
}

TEST_F(ReadAssignmentTest, RefusesAnIndexBeyondTheWorkers) {
  for (const int index : {-1, 3}) {
    options_.index = index;
    EXPECT_THAT(Refusal(), HasSubstr("is not one of the plan's 3 workers"));
  }
}

TEST_F(ReadAssignmentTest, AMissingPlanIsSaidSoBeforeAMissingHash) {
  options_.plan_hash = "";
  options_.plan_file = dir_.path() + "/absent.json";
  EXPECT_THAT(Refusal(), HasSubstr("is its ConfigMap mounted?"));
}

}  // namespace
}  // namespace stoker::worker
