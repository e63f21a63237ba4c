// What a run remembers and says: checkpoints, failures, judgements, reports, plans, estimates.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/warming/run/estimate.h"
#include "controller/warming/run/failure_table.h"
#include "controller/warming/run/ledger.h"
#include "controller/warming/run/plan_document.h"
#include "controller/warming/run/stop.h"
#include "tests/unit/warming/run_fakes.h"

namespace stoker::warming {
namespace {

using ::testing::HasSubstr;

Outcome Warmed(std::int64_t n) {
  Outcome outcome;
  outcome.warmed = n;
  outcome.target_warmed[0] = n;
  return outcome;
}

TEST(Ledger, RemembersBatchesInWhateverOrderTheyFinish) {
  Ledger ledger("plan", {0, 1}, {"cache"});
  for (const int number : {0, 1, 5, 9, 2}) ledger.Complete(number, Warmed(10));
  const nlohmann::json saved = ledger.Encode();
  EXPECT_EQ(saved["low"], 3);
  Ledger other("plan", {0, 1}, {"cache"});
  ASSERT_TRUE(other.Resume(saved));
  for (int number = 0; number < 12; ++number) {
    EXPECT_EQ(other.IsDone(number), number < 3 || number == 5 || number == 9) << number;
  }
  EXPECT_EQ(other.Done().warmed, 50);
  EXPECT_EQ(other.Done().target_warmed[0], 50);
}

TEST(Ledger, OfKeysetSourcesKeepsTheCursorBelowWhichAllIsDone) {
  Ledger ledger("plan", {0, 1}, {"cache"});
  ledger.KeepCursors();
  for (const int number : {0, 3, 1}) ledger.Complete(number, Warmed(10), {{"at", number}});
  const nlohmann::json saved = ledger.Encode();
  Ledger other("plan", {0, 1}, {"cache"});
  other.KeepCursors();
  ASSERT_TRUE(other.Resume(saved));
  EXPECT_EQ(other.Cursor()["at"], 1);
  EXPECT_EQ(other.First(), 2);
  EXPECT_FALSE(other.IsDone(3)) << "another enumeration has other batches";
  EXPECT_EQ(other.Done().warmed, 20) << "exactly what lies below the cursor";
  ledger.Complete(2, Warmed(10), {{"at", 2}});
  EXPECT_EQ(ledger.Cursor()["at"], 3);
  EXPECT_EQ(ledger.Done().warmed, 40);
  other.StartOver();
  EXPECT_EQ(other.Cursor(), nullptr);
  EXPECT_EQ(other.First(), 0);
}

TEST(Ledger, HoldsReadingBackWhenTheWindowIsFull) {
  Ledger ledger("plan", {0, 1}, {"cache"});
  EXPECT_TRUE(ledger.HasRoom(1023));
  EXPECT_FALSE(ledger.HasRoom(1024));
  for (int number = 1; number < 1024; ++number) ledger.Complete(number, Warmed(1));
  EXPECT_FALSE(ledger.HasRoom(1024));
  ledger.Complete(0, Warmed(1));
  EXPECT_TRUE(ledger.HasRoom(2047));
  EXPECT_EQ(ledger.Encode()["low"], 1024);
}

TEST(Ledger, RefusesWhatIsNotItsOwn) {
  const nlohmann::json saved = Ledger("plan", {0, 2}, {"cache"}).Encode();
  EXPECT_THAT(Ledger("other", {0, 2}, {"cache"}).Resume(saved).error().message,
              HasSubstr("belongs to plan"));
  EXPECT_THAT(Ledger("plan", {1, 2}, {"cache"}).Resume(saved).error().message,
              HasSubstr("shard 0 of 2"));
  for (const char* damaged : {"null", "{}", "[]", R"({"version":1,"plan":"plan"})"}) {
    EXPECT_FALSE(Ledger("plan", {0, 2}, {"cache"}).Resume(nlohmann::json::parse(damaged)))
        << damaged;
  }
  nlohmann::json bad_bits = saved;
  bad_bits["done"] = "xyz";
  EXPECT_FALSE(Ledger("plan", {0, 2}, {"cache"}).Resume(bad_bits));
}

TEST(FailureTable, ShowsTheMostFrequentAndFoldsTheRest) {
  FailureTable table;
  std::int64_t sum = 0;
  for (int kind = 0; kind < 100; ++kind) {
    table.Add("Reason" + std::to_string(kind), "key", "message", kind + 1);
    sum += kind + 1;
  }
  const auto rows = table.Rows();
  ASSERT_LE(rows.size(), FailureTable::kRows);
  std::int64_t shown = 0;
  for (const auto& row : rows) shown += row.count;
  EXPECT_EQ(shown, sum);
}

TEST(FailureTable, CutsSamplesAtACharacter) {
  FailureTable table;
  std::string key;
  for (int i = 0; i < 500; ++i) key += "\xC3\xA9";
  table.Add("R", "x" + key, "m");
  EXPECT_NO_THROW((void)nlohmann::json(table.Rows()[0].sample_key).dump());
}

TEST(FailureTable, ShowsAKeyThatIsNoUtf8AsTextThatAStatusCanHold) {
  FailureTable table;
  table.Add("Short", "caf\xE9", "no \xFF");
  table.Add("Long", std::string(500, '\xE9'), "m");
  for (const auto& row : table.Rows()) {
    EXPECT_NO_THROW((void)nlohmann::json(row.sample_key).dump()) << row.reason;
    EXPECT_NO_THROW((void)nlohmann::json(row.sample_message).dump()) << row.reason;
    EXPECT_LE(row.sample_key.size(), FailureTable::kSampleBytes + 3);
    if (row.reason == "Short") {
      EXPECT_EQ(row.sample_key, "caf\xEF\xBF\xBD");
    }
  }
}

TEST(Judge, NamesTheOutageAtTheDeadline) {
  Tally tally;
  tally.discovered = tally.left = 5;
  const StopCause cause{StopKind::kDeadline, "DeadlineExceeded", "the deadline of 5s passed"};
  EXPECT_EQ(Judge(cause, tally, {}, {95}, Waiting{"TargetUnavailable", "redis is down"}).reason,
            "TargetUnavailable");
  EXPECT_EQ(Judge(cause, tally, {}, {95}, std::nullopt).reason, "DeadlineExceeded");
}

TEST(Judge, ToleratesNoMoreThanThePolicyDoes) {
  Tally tally;
  tally.discovered = 100;
  tally.warmed = 60;
  tally.skipped = 35;
  tally.failed = 5;
  EXPECT_EQ(Judge({}, tally, {}, {95}, std::nullopt).reason, "Warmed");
  EXPECT_EQ(Judge({}, tally, {}, {95.1}, std::nullopt).reason, "BelowMinimum");
  EXPECT_EQ(Judge({}, {}, {}, {95}, std::nullopt).reason, "NothingDiscovered");
  EXPECT_EQ(Judge({}, {}, {}, {95, true}, std::nullopt).result, Report::Result::kSucceeded);
}

TEST(ReportJson, ComesBackAsItWas) {
  Report report;
  report.result = Report::Result::kSucceeded;
  report.reason = "Warmed";
  report.message = "all is warm";
  report.duration = Millis(1234);
  report.progress.phase = Progress::Phase::kDone;
  report.progress.tally.discovered = 7;
  report.progress.eta = Millis(5);
  report.progress.resumed = Resumed::kStartsOver;
  report.progress.waiting = {"TargetAuth", "redis.shop:6379 refused the password"};
  report.progress.targets = {{"cache", 7, 0}};
  report.progress.failures = {{"HTTP404", 1, "k", "m"}};
  report.first_expiry = WallTime(std::chrono::microseconds(1'700'000'000'000'000));
  const auto back = ReportFromJson(ToJson(report));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(ToJson(*back), ToJson(report));
  EXPECT_EQ(back->first_expiry, report.first_expiry);
  EXPECT_FALSE(ReportFromJson(nlohmann::json::parse(R"({"result":"Perhaps"})")));
  EXPECT_FALSE(ProgressFromJson(nlohmann::json::array()));
}

TEST(ReportJson, TakesOnlyAWordForTheReasonOfAWait) {
  Progress progress;
  for (const auto& [reason, good] :
       std::vector<std::pair<std::string, bool>>{{"OriginUnavailable", true},
                                                 {"", false},
                                                 {"two words", false},
                                                 {"1st", false},
                                                 {std::string(65, 'a'), false}}) {
    progress.waiting = {reason, "it is down"};
    const auto back = ProgressFromJson(ToJson(progress));
    EXPECT_EQ(back.has_value(), good) << reason;
    if (back) EXPECT_EQ(back->waiting->reason, reason);
  }
}

TEST(PlanDocument, IsCanonicalAndNamedByItsContent) {
  PlanDocument plan{"shop", "pages", "uid-1", {{"b", 1}, {"a", 2}}, {{"keys", "keys-abc"}}};
  const std::string text = SerializePlan(plan);
  EXPECT_EQ(text.find(' '), std::string::npos);
  const auto back = ParsePlan(text);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(SerializePlan(*back), text);
  EXPECT_EQ(back->pinned.at("keys"), "keys-abc");
  EXPECT_EQ(PlanHash(text).size(), 64U);
  EXPECT_FALSE(ParsePlan("{}"));
  EXPECT_FALSE(ParsePlan("no json"));
}

TEST(EstimatePlan, CountsWithoutTouchingAnything) {
  RunSpec spec = testing::PatternRun(1000);
  spec.policy.pacing.requests_per_second = 100;
  spec.policy.origins[0].http->url = "http://o.test/{id}?k={key}";
  const auto plan = EstimatePlan(spec, testing::FakeMaterials(), 1024);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->entries, 1000);
  EXPECT_TRUE(plan->exact);
  EXPECT_EQ(plan->bytes, 1024 * 1000);
  EXPECT_EQ(plan->duration, Millis(10'000));
  EXPECT_EQ(plan->sample_urls.at(1), "http://o.test/2?k=k%3A2");
  spec.policy.origins[0].http->url = "http://o.test/{lang}";
  EXPECT_THAT(EstimatePlan(spec, testing::FakeMaterials(), 1).error().message,
              HasSubstr("unknown variable {lang}; known here: {key}, {id}"));
}

TEST(EstimatePlan, DoesNotCountWhatIsHuge) {
  RunSpec spec = testing::PatternRun(500'000'000'000);
  const auto plan = EstimatePlan(spec, testing::FakeMaterials(), 1);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->entries, 500'000'000'000);
  EXPECT_FALSE(plan->exact);
}

TEST(EstimatePlan, ReadsNoMoreThanItMay) {
  RunSpec spec = testing::PatternRun(500'000'000'000);
  spec.policy.sources[0].include = {"nothing*"};
  const auto huge = EstimatePlan(spec, testing::FakeMaterials());
  ASSERT_TRUE(huge);
  EXPECT_EQ(huge->read, 500'000'000'000);

  // A list whose size nobody knows before it is read.
  testing::FakeMaterials materials;
  for (int i = 0; i < 5000; ++i) materials.config_maps["keys"]["list"] += std::to_string(i) + "\n";
  spec.policy.sources[0].pattern.reset();
  spec.policy.sources[0].static_ = api::StaticSource{{}, api::KeyRef{"keys", "list"}};
  const auto more = EstimatePlan(spec, materials, 1, 2000);
  ASSERT_TRUE(more);
  EXPECT_EQ(more->read, std::nullopt);
  EXPECT_EQ(more->entries, std::nullopt);
  EXPECT_EQ(EstimatePlan(spec, materials, 1, 5000)->read, 5000);
}

TEST(EstimatePlan, TellsWhatIsReadFromWhatIsWarmed) {
  RunSpec spec = testing::PatternRun(1000);
  spec.policy.strategy = {api::Strategy::Type::kSelective, 5};
  const auto best = EstimatePlan(spec, testing::FakeMaterials());
  EXPECT_EQ(best->entries, 5);
  EXPECT_EQ(best->read, 1000);
  spec.policy.sources[0].include = {"k:1"};
  EXPECT_EQ(EstimatePlan(spec, testing::FakeMaterials())->read, 1000);
  spec.policy.sources[0].include.clear();
  spec.policy.sources[0].limit = 10;
  EXPECT_LE(EstimatePlan(spec, testing::FakeMaterials(), 1, 10)->read, 10);
}

}  // namespace
}  // namespace stoker::warming
