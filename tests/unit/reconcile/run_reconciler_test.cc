// A Job that asks to be executed, and the administrator's word on its namespace.

#include "controller/reconcile/run_reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/reconcile/conditions.h"
#include "controller/reconcile/json_view.h"
#include "tests/unit/reconcile/desk.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr char kRun[] = "shop/pages-0123456789";

class RunReconcilerTest : public ::testing::Test {
 protected:
  RunReconcilerTest() {
    json policy = samples::ReadyPolicy();
    policy["status"]["activeRun"] = samples::Active();
    api_->Put(paths::kPolicy, policy);
  }
  static std::string JobPath() { return std::string(paths::kJobs) + "pages-0123456789"; }

  std::shared_ptr<MemoryApi> api_ = std::make_shared<MemoryApi>();
  FakeClock clock_{samples::Noon()};
};

TEST_F(RunReconcilerTest, NoRunIsTakenUpInANamespaceThatIsNotLabelled) {
  for (const char* label : {"", "denied"}) {
    for (const bool resumed : {false, true}) {
      SCOPED_TRACE(std::string(label) + (resumed ? ", by the next leader" : ", at first"));
      api_->Put(paths::kNamespace, ShopNamespace(label));
      json job = samples::Job();
      if (resumed) job["status"] = {{"startTime", "2026-11-27T11:59:00Z"}, {"active", 1}};
      api_->Put(JobPath(), job);
      Desk desk(api_, clock_, resumed ? 2 : 1);
      ASSERT_TRUE(RunReconciler(desk.context()).Reconcile(kRun));
      const json status = api_->At(JobPath())["status"];
      ASSERT_TRUE(IsTrue(status, "Failed")) << status;
      EXPECT_EQ(ConditionReason(status, "Failed"), "InProcessNotAllowed");
      EXPECT_THAT(Text(*FindCondition(status, "Failed"), {"message"}),
                  HasSubstr("stoker.dev/in-process=allowed"));
      EXPECT_EQ(desk.context().executor.StateOf("job-uid"), HostState::kAbsent);
    }
  }
}

TEST_F(RunReconcilerTest, WhatIsNotKnownOfTheNamespaceYetIsWaitedFor) {
  api_->Put(JobPath(), samples::Job());
  Desk desk(api_, clock_);
  const auto result = RunReconciler(desk.context()).Reconcile(kRun);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kConflict);
  EXPECT_FALSE(IsTrue(api_->At(JobPath()).value("status", json::object()), "Failed"));
}

}  // namespace
}  // namespace stoker::reconcile
