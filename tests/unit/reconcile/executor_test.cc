// Runs in this process: who ends them, and what they leave behind. Origin and cache refuse
// connections, so that a run waits for as long as it is let.

#include "controller/reconcile/executor.h"

#include <gtest/gtest.h>

#include "controller/reconcile/json_view.h"
#include "tests/support/process.h"
#include "tests/unit/reconcile/memory_api.h"
#include "tests/unit/reconcile/samples.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using testing::WaitFor;

constexpr char kPath[] = "/api/v1/namespaces/shop/configmaps/pages-0123456789-checkpoint";

class ExecutorTest : public ::testing::Test {
 protected:
  Status Execute(const std::string& uid = "job-uid", bool take = true,
                 json spec = samples::Spec()) {
    Assignment assignment;
    assignment.job_key = "shop/pages-0123456789";
    assignment.job_uid = uid;
    assignment.policy_key = "shop/pages";
    assignment.policy_uid = "policy-uid";
    const std::string nobody = "127.0.0.1:" + std::to_string(testing::FreePort());
    spec["origins"][0]["http"]["url"] = "http://" + nobody + "/{key}";
    spec["targets"][0]["redis"]["address"] = nobody;
    assignment.spec.id = "pages-0123456789";
    assignment.spec.plan_hash = "p1";
    assignment.spec.policy = api::ToWarmingPolicy(samples::Policy(spec))->spec;
    assignment.ledger = std::make_unique<RunLedger>(client_, samples::Job(uid), 1);
    if (take) {
      STOKER_CHECK(assignment.ledger->Take());
    }
    return executor_.Execute(std::move(assignment));
  }
  ExecutorOptions Options() {
    ExecutorOptions options;
    options.max_runs = 1;
    options.loops = 1;
    options.checkpoint_every = Millis(50);
    options.may_act = [this] { return leads_.load(); };
    return options;
  }
  bool Saved() const { return api_->At(kPath)["data"].contains("checkpoint"); }
  bool Ends() {
    return WaitFor([&] { return executor_.StateOf("job-uid") != HostState::kRunning; },
                   seconds(10));
  }

  std::shared_ptr<MemoryApi> api_ = std::make_shared<MemoryApi>();
  std::atomic<bool> leads_{true};
  kube::Client client_{api_, [this] { return leads_.load(); }};
  std::atomic<int> changed_{0};
  Executor executor_{Options(), [this](const std::string&) { ++changed_; }};
};

TEST_F(ExecutorTest, ADeletedJobsRunEndsCancelledWithAReport) {
  ASSERT_TRUE(Execute());
  EXPECT_EQ(executor_.StateOf("job-uid"), HostState::kRunning);
  EXPECT_FALSE(executor_.AskForPlace("shop/second", "second"));
  EXPECT_EQ(Execute("second", false).error().code, Code::kExhausted);
  executor_.Cancel("job-uid", "its Job was deleted");
  ASSERT_TRUE(Ends());
  EXPECT_EQ(executor_.StateOf("job-uid"), HostState::kEnded);
  EXPECT_EQ(executor_.ReportOf("job-uid")->result, warming::Report::Result::kCancelled);
  EXPECT_TRUE(executor_.AskForPlace("shop/second", "second"));
  EXPECT_TRUE(WaitFor([&] { return changed_ == 2; })) << "it, and the one that waits";
  executor_.Forget("job-uid");
  EXPECT_EQ(executor_.StateOf("job-uid"), HostState::kAbsent);
}

TEST_F(ExecutorTest, ALedgerThatAnotherLeaderTookEndsTheDataPlane) {
  ASSERT_TRUE(Execute());
  ASSERT_TRUE(WaitFor([&] { return Saved(); }));
  json taken = api_->At(kPath);
  taken["data"]["leaderTransitions"] = "2";
  taken["data"]["attempt"] = "2";
  api_->Put(kPath, taken);
  ASSERT_TRUE(Ends());
  EXPECT_EQ(executor_.StateOf("job-uid"), HostState::kAbsent) << "it has no result of its own";
  EXPECT_FALSE(executor_.ReportOf("job-uid"));
  json left = api_->At(kPath);
  EXPECT_EQ(left["data"]["attempt"], "2") << "what the other leader wrote stands";
  EXPECT_EQ(left["data"]["leaderTransitions"], "2");
}

TEST_F(ExecutorTest, WithoutTheLeaseARunEndsAndWritesNothing) {
  ASSERT_TRUE(Execute());
  ASSERT_TRUE(WaitFor([&] { return Saved(); }));
  leads_ = false;
  const auto sent = api_->requests().size();
  ASSERT_TRUE(Ends());
  EXPECT_EQ(executor_.StateOf("job-uid"), HostState::kAbsent);
  EXPECT_LE(api_->requests().size(), sent + 1) << "but for a write that was under way";
}

TEST_F(ExecutorTest, AHandOverLeavesACheckpointAndSaysThatItIsReleased) {
  ASSERT_TRUE(Execute());
  const auto before = std::chrono::steady_clock::now();
  executor_.Stop(true);
  EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(3));
  const json left = api_->At(kPath);
  EXPECT_EQ(left["data"]["released"], "true");
  EXPECT_TRUE(left["data"].contains("checkpoint"));
  EXPECT_EQ(Execute().error().code, Code::kCancelled);
}

TEST_F(ExecutorTest, ALostAnswerOfTheApiServerDoesNotEndTheRun) {
  ASSERT_TRUE(Execute());
  ASSERT_TRUE(WaitFor([&] { return Saved(); }));
  api_->Fail({.method = "PUT", .done = true});
  const std::string version = ResourceVersion(api_->At(kPath));
  EXPECT_TRUE(WaitFor([&] {
    return std::stoi(ResourceVersion(api_->At(kPath))) > std::stoi(version) + 3;
  })) << "it keeps writing checkpoints";
  EXPECT_EQ(executor_.StateOf("job-uid"), HostState::kRunning);
}

TEST_F(ExecutorTest, AFreePlaceIsOfferedToWhoWaitsForIt) {
  ASSERT_TRUE(Execute());
  ASSERT_FALSE(executor_.AskForPlace("other/second", "second"));
  EXPECT_TRUE(executor_.WaitsForPlace("second"));
  EXPECT_FALSE(executor_.AskForPlace("other/third", "third"));
  executor_.Cancel("job-uid", "its Job was deleted");
  ASSERT_TRUE(WaitFor([&] { return changed_ == 2; })) << "the run that ended, and the next";
  EXPECT_FALSE(executor_.AskForPlace("other/third", "third")) << "it came later";
  EXPECT_TRUE(executor_.AskForPlace("other/second", "second"));
  executor_.Cancel("second", "its Job was deleted");
  EXPECT_FALSE(executor_.WaitsForPlace("second"));
  EXPECT_TRUE(executor_.AskForPlace("other/third", "third"));
}

TEST_F(ExecutorTest, AReportThatTheServerRefusesForGoodHoldsNoPlace) {
  json spec = samples::Spec();
  spec["execution"]["deadline"] = "1s";
  for (int i = 0; i < 1'000; ++i) api_->Fail({.method = "PUT", .status = 422});
  ASSERT_TRUE(Execute("job-uid", true, spec));
  ASSERT_TRUE(Ends());
  EXPECT_EQ(executor_.StateOf("job-uid"), HostState::kEnded);
  EXPECT_EQ(executor_.ReportOf("job-uid")->result, warming::Report::Result::kFailed);
  EXPECT_TRUE(executor_.AskForPlace("shop/second", "second"));
}

TEST_F(ExecutorTest, EndedRunsOfAPolicyThatIsGoneAreForgotten) {
  bool lives = true;
  const Executor::Lives asked = [&](const std::string& key, const std::string& uid) {
    EXPECT_EQ(key, "shop/pages");
    EXPECT_EQ(uid, "policy-uid");
    return lives;
  };
  ASSERT_TRUE(Execute());
  executor_.ForgetOrphans([](const std::string&, const std::string&) { return false; });
  EXPECT_EQ(executor_.StateOf("job-uid"), HostState::kRunning) << "only what has ended";
  executor_.Cancel("job-uid", "its Job was deleted");
  ASSERT_TRUE(Ends());
  executor_.ForgetOrphans(asked);
  EXPECT_EQ(executor_.StateOf("job-uid"), HostState::kEnded);
  lives = false;
  executor_.ForgetOrphans(asked);
  EXPECT_EQ(executor_.StateOf("job-uid"), HostState::kAbsent);
}

TEST_F(ExecutorTest, APolicysRunsEndWithIt) {
  ASSERT_TRUE(Execute());
  executor_.CancelOwnedBy("another", "its policy was deleted");
  EXPECT_EQ(executor_.StateOf("job-uid"), HostState::kRunning);
  executor_.CancelOwnedBy("policy-uid", "its policy was deleted");
  EXPECT_TRUE(Ends());
}

}  // namespace
}  // namespace stoker::reconcile
