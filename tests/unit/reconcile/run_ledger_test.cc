#include "controller/reconcile/run_ledger.h"

#include <gtest/gtest.h>

#include "controller/reconcile/json_view.h"
#include "tests/unit/reconcile/memory_api.h"
#include "tests/unit/reconcile/samples.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;

constexpr char kPath[] = "/api/v1/namespaces/shop/configmaps/pages-0123456789-checkpoint";

class Ledger : public ::testing::Test {
 protected:
  RunLedger Of(std::int64_t term) { return {client_, samples::Job(), term}; }
  static warming::Checkpoint At(int mark) { return {{{"mark", mark}}}; }
  [[nodiscard]] std::string Data(const char* key) const {
    return api_->At(kPath)["data"].value(key, "");
  }

  std::shared_ptr<MemoryApi> api_ = std::make_shared<MemoryApi>();
  bool may_write_ = true;
  kube::Client client_{api_, [this] { return may_write_; }};
};

TEST_F(Ledger, ANewLeaderGoesOnFromTheCheckpointAndCountsAnAttempt) {
  RunLedger first = Of(1);
  EXPECT_EQ(first.Take()->attempt, 1);
  ASSERT_TRUE(first.Save(At(7)));
  const auto taken = Of(2).Take();
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->attempt, 2);
  EXPECT_EQ(taken->checkpoint->data["mark"], 7);
  EXPECT_FALSE(taken->report);
}

TEST_F(Ledger, ADeposedLeaderFindsAConflictAndChangesNothing) {
  RunLedger first = Of(1);
  ASSERT_TRUE(first.Take());
  RunLedger second = Of(2);
  ASSERT_TRUE(second.Take());
  const Status saved = first.Save(At(9));
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().code, Code::kConflict);
  EXPECT_EQ(Data("checkpoint"), "");
  EXPECT_EQ(Data("leaderTransitions"), "2");
  EXPECT_TRUE(second.Save(At(10)));
}

TEST_F(Ledger, WithoutTheLeaseNothingIsSent) {
  RunLedger ledger = Of(1);
  ASSERT_TRUE(ledger.Take());
  may_write_ = false;
  const auto sent = api_->requests().size();
  EXPECT_EQ(ledger.Save(At(1)).error().code, Code::kCancelled);
  EXPECT_EQ(ledger.Finish({}).error().code, Code::kCancelled);
  EXPECT_EQ(api_->requests().size(), sent);
}

TEST_F(Ledger, ALaterTermsRunIsNeverTakenBack) {
  ASSERT_TRUE(Of(5).Take());
  const auto taken = Of(4).Take();
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Code::kConflict);
  EXPECT_EQ(Data("leaderTransitions"), "5");
}

TEST_F(Ledger, AHandOverIsNoLostAttempt) {
  RunLedger first = Of(1);
  ASSERT_TRUE(first.Take());
  ASSERT_TRUE(first.Release());
  EXPECT_EQ(Of(2).Take()->attempt, 1);
  EXPECT_EQ(Data("released"), "") << "taken again";
}

TEST_F(Ledger, AttemptsAreInVainOnlyWhileTheCheckpointStaysWhereItIs) {
  RunLedger first = Of(1);
  EXPECT_EQ(first.Take()->in_vain, 1);
  ASSERT_TRUE(first.Save(At(7)));
  EXPECT_EQ(Of(2).Take()->in_vain, 1) << "it got as far as 7";
  EXPECT_EQ(Of(3).Take()->in_vain, 2);
  RunLedger fourth = Of(4);
  EXPECT_EQ(fourth.Take()->in_vain, 3);
  ASSERT_TRUE(fourth.Save(At(7)));
  EXPECT_EQ(Of(5).Take()->in_vain, 4) << "written again is not further";
  RunLedger sixth = Of(6);
  ASSERT_TRUE(sixth.Take());
  ASSERT_TRUE(sixth.Save(At(8)));
  const auto seventh = Of(7).Take();
  EXPECT_EQ(seventh->in_vain, 1);
  EXPECT_EQ(seventh->attempt, 7) << "status still tells how often it was taken up";
}

TEST_F(Ledger, TakingItTwiceInATermIsOneAttempt) {
  api_->Fail({.method = "POST", .done = true});
  EXPECT_FALSE(Of(1).Take()) << "the answer was lost";
  EXPECT_EQ(Of(1).Take()->attempt, 1);
  EXPECT_EQ(Of(1).Take()->attempt, 1);
}

TEST_F(Ledger, AWriteWhoseAnswerWasLostIsNoConflict) {
  RunLedger ledger = Of(1);
  ASSERT_TRUE(ledger.Take());
  api_->Fail({.method = "PUT", .done = true});
  EXPECT_EQ(ledger.Save(At(1)).error().code, Code::kUnavailable);
  EXPECT_TRUE(ledger.Save(At(2)));
  EXPECT_EQ(Data("checkpoint"), R"({"mark":2})");
}

TEST_F(Ledger, AnEndedRunsReportOutlivesItsLeader) {
  RunLedger first = Of(1);
  ASSERT_TRUE(first.Take());
  ASSERT_TRUE(first.Save(At(3)));
  warming::Report report;
  report.result = warming::Report::Result::kSucceeded;
  report.reason = "Warmed";
  ASSERT_TRUE(first.Finish(report));
  const auto taken = Of(2).Take();
  ASSERT_TRUE(taken && taken->report);
  EXPECT_EQ(taken->report->reason, "Warmed");
  EXPECT_FALSE(taken->checkpoint);
}

TEST_F(Ledger, WhatIsNotOfThisJobIsNotBelieved) {
  api_->Put(kPath, {{"metadata", {{"name", "pages-0123456789-checkpoint"}}},
                    {"data", {{"attempt", "3"}, {"report", R"({"result":"Succeeded"})"}}}});
  const auto taken = Of(1).Take();
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->attempt, 1);
  EXPECT_FALSE(taken->report);
  EXPECT_EQ(ControllerUid(api_->At(kPath)), "job-uid");
}

TEST_F(Ledger, ACheckpointThatDoesNotParseCostsTimeOnly) {
  ASSERT_TRUE(Of(1).Take());
  json held = api_->At(kPath);
  held["data"]["checkpoint"] = "{torn";
  api_->Put(kPath, held);
  const auto taken = Of(2).Take();
  ASSERT_TRUE(taken);
  EXPECT_FALSE(taken->checkpoint);
}

TEST_F(Ledger, WhatIsNestedWithoutEndIsNoCheckpointAndNoReport) {
  ASSERT_TRUE(Of(1).Take());
  json held = api_->At(kPath);
  const std::string deep = std::string(400'000, '[') + std::string(400'000, ']');
  held["data"]["checkpoint"] = deep;
  held["data"]["report"] = deep;
  api_->Put(kPath, held);
  const auto taken = Of(2).Take();
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_FALSE(taken->checkpoint);
  EXPECT_FALSE(taken->report);
}

TEST_F(Ledger, NumbersThatNoLeaderReachesCountAsNone) {
  for (const char* number : {"9223372036854775807", "1000000001", "-5", "99999999999999999999"}) {
    SCOPED_TRACE(number);
    ASSERT_TRUE(Of(1).Take());
    json held = api_->At(kPath);
    for (const char* key : {"attempt", "attemptsInVain", "leaderTransitions"}) {
      held["data"][key] = number;
    }
    api_->Put(kPath, held);
    const auto taken = Of(3).Take();
    ASSERT_TRUE(taken) << "no leader would ever take the run up: " << taken.error().message;
    EXPECT_EQ(taken->attempt, 2);
    EXPECT_LE(taken->in_vain, 2);
    EXPECT_EQ(Data("leaderTransitions"), "3");
    EXPECT_EQ(Of(4).Take()->attempt, 3) << "from here on it is counted again";
    ASSERT_TRUE(client_.Delete(kube::kConfigMaps, "shop", "pages-0123456789-checkpoint"));
  }
}

TEST(LedgerTransitions, TheHighestCountThatCanBeBelieved) {
  const auto ledger = [](const std::string& count) {
    return json{{"data", {{"leaderTransitions", count}}}};
  };
  EXPECT_EQ(HighestTransitions({}), 0);
  EXPECT_EQ(HighestTransitions({ledger("3"), ledger("11"), ledger("8")}), 11);
  EXPECT_EQ(HighestTransitions({ledger("3"), ledger("2147483647")}), 3) << "the Lease counts to it";
  EXPECT_EQ(HighestTransitions({ledger("many"), ledger("-4"), json::object()}), 0);
}

TEST_F(Ledger, WhatLeadersLeftBehindIsFoundAtTheServer) {
  ASSERT_TRUE(Of(8).Take());
  const auto found = TransitionsLeftBehind(client_, {"elsewhere", "shop"}, {});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(*found, 8);
  api_->Fail({.method = "GET", .status = 500});
  EXPECT_FALSE(TransitionsLeftBehind(client_, {"shop"}, {})) << "not known is not none";
}

}  // namespace
}  // namespace stoker::reconcile
