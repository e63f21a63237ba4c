// The pipeline as a whole, over an origin and targets that do as they are told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/warming/plan/shard.h"
#include "tests/support/process.h"
#include "tests/unit/warming/run_fakes.h"

namespace stoker::warming {
namespace {

using std::chrono::seconds;
using stoker::testing::WaitFor;
using testing::Bench;
using ::testing::HasSubstr;
using testing::PatternRun;

void ExpectExact(const Tally& t) {
  EXPECT_EQ(t.discovered, t.warmed + t.skipped + t.failed + t.left);
  EXPECT_GE(t.left, 0);
}

FetchResult Fail(std::string reason, bool retryable, bool connection = false,
                 std::optional<Millis> retry_after = {}) {
  return tl::unexpected(
      FetchError{reason, "it said " + reason, retryable, connection, retry_after});
}

TEST(RunEngine, WarmsEveryEntryOnce) {
  Bench bench(PatternRun(5000));
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.result, Report::Result::kSucceeded) << report.message;
  EXPECT_EQ(report.reason, "Warmed");
  EXPECT_EQ(report.progress.tally.discovered, 5000);
  EXPECT_EQ(report.progress.tally.warmed, 5000);
  EXPECT_EQ(report.progress.tally.left, 0);
  EXPECT_EQ(bench.stores[0]->Size(), 5000U);
  EXPECT_EQ(bench.origin->Requests(), 5000U);
  EXPECT_EQ(bench.stores[0]->Get("k:17")->value, "http://origin.test/k%3A17");
  EXPECT_TRUE(report.first_expiry.has_value());
}

TEST(RunEngine, SkipsWhatEveryTargetHoldsWithoutAskingTheOrigin) {
  Bench bench(PatternRun(500));
  bench.RunToEnd();
  const Report again = bench.RunToEnd();
  EXPECT_EQ(again.result, Report::Result::kSucceeded);
  EXPECT_EQ(again.progress.tally.skipped, 500);
  EXPECT_EQ(again.progress.tally.origin_requests, 0);
  EXPECT_EQ(bench.origin->Requests(), 500U);
}

TEST(RunEngine, OverwritesWithoutProbing) {
  Bench bench(PatternRun(100));
  bench.spec.policy.targets[0].write.mode = api::Write::Mode::kOverwrite;
  bench.RunToEnd();
  const Report again = bench.RunToEnd();
  EXPECT_EQ(again.progress.tally.warmed, 100);
  EXPECT_EQ(bench.origin->Requests(), 200U);
}

TEST(RunEngine, WritesOnlyToTheTargetsThatLackAnEntry) {
  RunSpec spec = PatternRun(10);
  spec.policy.targets.push_back(spec.policy.targets[0]);
  spec.policy.targets[1].name = "second";
  Bench bench(spec);
  bench.stores[0]->values["k:3"] = {"older", Millis(5)};
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.progress.tally.warmed, 10);
  EXPECT_EQ(report.progress.targets[0].warmed, 9);
  EXPECT_EQ(report.progress.targets[1].warmed, 10);
  EXPECT_EQ(bench.stores[0]->Get("k:3")->value, "older");
}

TEST(RunEngine, SpreadsTtlsByKeyWithinBounds) {
  Bench bench(PatternRun(300));
  bench.spec.policy.targets[0].write.ttl_jitter_percent = 10;
  bench.RunToEnd();
  std::set<std::int64_t> different;
  for (const auto& [key, value] : bench.stores[0]->values) {
    EXPECT_GE(value.ttl, Millis(3'240'000));
    EXPECT_LE(value.ttl, Millis(3'960'000));
    different.insert(value.ttl.count());
  }
  EXPECT_GT(different.size(), 250U);
}

TEST(RunEngine, RetriesWhatMayPassAndSortsWhatMayNot) {
  Bench bench(PatternRun(100));
  bench.spec.policy.min_warmed_percent = 90;
  bench.origin->script = [](const std::string& url, int nth) -> FetchResult {
    if (url.ends_with("A7")) return Fail("HTTP404", false);
    if (url.ends_with("A8")) return Fail("HTTP503", true);
    if (url.ends_with("A9") && nth < 3) return Fail("Timeout", true);
    return Fetched{"v", "", 1};
  };
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.result, Report::Result::kSucceeded) << report.message;
  EXPECT_EQ(report.progress.tally.warmed, 98);
  EXPECT_EQ(report.progress.tally.failed, 2);
  EXPECT_EQ(bench.origin->Asked("http://origin.test/k%3A7"), 1);
  EXPECT_EQ(bench.origin->Asked("http://origin.test/k%3A8"), 4);
  EXPECT_EQ(bench.origin->Asked("http://origin.test/k%3A9"), 4);
  ASSERT_EQ(report.progress.failures.size(), 2U);
  EXPECT_EQ(report.progress.failures[0].sample_key, "k:7");
}

TEST(RunEngine, SaysWhyNothingIsWarm) {
  Bench bench(PatternRun(50));
  std::atomic<int> reported{0};
  bench.options.on_failed = [&](std::string_view, std::string_view reason, std::string_view) {
    if (reason == "HTTP404") ++reported;
  };
  bench.origin->script = [](const std::string&, int) { return Fail("HTTP404", false); };
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.result, Report::Result::kFailed);
  EXPECT_EQ(report.reason, "BelowMinimum");
  EXPECT_THAT(report.message, HasSubstr("HTTP404"));
  EXPECT_EQ(reported, 50);
}

TEST(RunEngine, AnEmptySourceIsNoSuccess) {
  Bench bench(PatternRun(10));
  bench.spec.policy.sources[0].include = {"other:*"};
  EXPECT_EQ(bench.RunToEnd().reason, "NothingDiscovered");
}

TEST(RunEngine, NeverStartsMoreThanRateAndBurstInAnySecond) {
  Bench bench(PatternRun(700));
  bench.spec.policy.pacing = {500, 10, 50};
  bench.origin->latency = Millis(20);
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.progress.tally.warmed, 700);
  EXPECT_LE(bench.origin->PeakPerSecond(), 500U + 10U + 5U);
  EXPECT_GE(report.duration, Millis(1370));
  EXPECT_LE(report.duration, Millis(2500));
}

TEST(RunEngine, NeverHasMoreInFlightThanAllowed) {
  for (const int in_flight : {1, 3, 10}) {
    Bench bench(PatternRun(200));
    bench.spec.policy.pacing.max_in_flight = in_flight;
    bench.origin->latency = Millis(1);
    EXPECT_EQ(bench.RunToEnd().progress.tally.warmed, 200);
    EXPECT_LE(bench.origin->most_in_flight, in_flight);
    EXPECT_EQ(bench.origin->most_in_flight, in_flight);
  }
}

TEST(RunEngine, OneLoopWithWorkUsesWhatAllAreAllowed) {
  Bench bench(PatternRun(100));  // one batch: the other loop has nothing to do
  bench.spec.policy.pacing.max_in_flight = 10;
  bench.origin->latency = Millis(1);
  EXPECT_EQ(bench.RunToEnd().progress.tally.warmed, 100);
  EXPECT_EQ(bench.origin->most_in_flight, 10);
}

TEST(RunEngine, StartsNothingAfterCancelReturned) {
  Bench bench(PatternRun(1'000'000));
  bench.origin->latency = Millis(1);
  auto run = bench.Create();
  ASSERT_TRUE(run) << run.error().message;
  (*run)->Start();
  ASSERT_TRUE(WaitFor([&] { return bench.origin->Requests() > 100; }));
  (*run)->Cancel("the test has seen enough");
  const std::size_t sent = bench.origin->Requests();
  const auto asked = std::chrono::steady_clock::now();
  const Report report = (*run)->Wait();
  EXPECT_LT(std::chrono::steady_clock::now() - asked, seconds(1));
  EXPECT_EQ(bench.origin->Requests(), sent);
  EXPECT_EQ(report.result, Report::Result::kCancelled);
  EXPECT_THAT(report.message, HasSubstr("the test has seen enough"));
  ExpectExact(report.progress.tally);
  EXPECT_GT(report.progress.tally.left, 0);
}

TEST(RunEngine, CancelAbortsARequestThatHangs) {
  Bench bench(PatternRun(4));
  bench.origin->latency = seconds(20);
  auto run = bench.Create();
  (*run)->Start();
  ASSERT_TRUE(WaitFor([&] { return bench.origin->Requests() == 4; }));
  const auto asked = std::chrono::steady_clock::now();
  run->reset();  // the destructor cancels and waits
  EXPECT_LT(std::chrono::steady_clock::now() - asked, seconds(1));
}

TEST(RunEngine, EndsAtItsDeadline) {
  Bench bench(PatternRun(100'000));
  bench.spec.policy.pacing = {10, 1, 1};
  bench.spec.policy.execution.deadline = Millis(300);
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.reason, "DeadlineExceeded");
  EXPECT_LT(report.duration, Millis(1300));
  ExpectExact(report.progress.tally);
}

TEST(RunEngine, StopsWhenTheHostMayNotActAnyMore) {
  Bench bench(PatternRun(100'000));
  bench.origin->latency = Millis(1);
  std::atomic<bool> leads{true};
  bench.options.may_act = [&] { return leads.load(); };
  auto run = bench.Create();
  (*run)->Start();
  ASSERT_TRUE(WaitFor([&] { return bench.origin->Requests() > 20; }));
  leads = false;
  const std::size_t sent = bench.origin->Requests();
  const Report report = (*run)->Wait();
  EXPECT_LE(bench.origin->Requests(), sent + 16);  // what had asked already
  EXPECT_EQ(report.reason, "LostLease");
}

TEST(RunEngine, AsksNothingWhilePausedAndTheDeadlineStandsStill) {
  Bench bench(PatternRun(60));
  bench.spec.policy.pacing = {100, 1, 4};
  bench.spec.policy.execution.deadline = Millis(2'000);
  auto run = bench.Create();
  (*run)->Start();
  ASSERT_TRUE(WaitFor([&] { return bench.origin->Requests() > 5; }));
  (*run)->Pause(true);
  ASSERT_TRUE(WaitFor([&] {  // settles once what had its token is through
    const std::size_t before = bench.origin->Requests();
    return !WaitFor([&] { return bench.origin->Requests() != before; }, Millis(60));
  }));
  const std::size_t before = bench.origin->Requests();
  EXPECT_FALSE(WaitFor([&] { return bench.origin->Requests() != before; }, Millis(2'050)));
  (*run)->Pause(false);
  EXPECT_EQ((*run)->Wait().reason, "Warmed");
}

TEST(RunEngine, ObeysRetryAfterForTheWholeRun) {
  Bench bench(PatternRun(50));
  std::atomic<int> refused{0};
  bench.origin->script = [&](const std::string&, int) -> FetchResult {
    if (refused.exchange(1) == 0) return Fail("HTTP429", true, false, Millis(700));
    return Fetched{"v", "", 1};
  };
  bench.spec.policy.pacing.max_in_flight = 1;
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.progress.tally.warmed, 50);
  const auto& at = bench.origin->arrivals;
  EXPECT_GE(at[1] - at[0], Millis(699));
}

TEST(RunEngine, WaitsForAnOriginThatIsDownAndLosesNoEntry) {
  Bench bench(PatternRun(200));
  const auto start = std::chrono::steady_clock::now();
  bench.origin->script = [&](const std::string&, int) -> FetchResult {
    if (std::chrono::steady_clock::now() - start < Millis(500))
      return Fail("ConnectionRefused", true, true);
    return Fetched{"v", "", 1};
  };
  auto run = bench.Create();
  (*run)->Start();
  std::optional<Waiting> waiting;
  EXPECT_TRUE(WaitFor([&] { return (waiting = (*run)->Snapshot().waiting).has_value(); }));
  EXPECT_EQ(waiting->reason, "OriginUnavailable");
  EXPECT_EQ(waiting->message, "it said ConnectionRefused");
  const Report report = (*run)->Wait();
  EXPECT_EQ(report.progress.tally.warmed, 200) << report.message;
  EXPECT_FALSE(report.progress.waiting);
  EXPECT_LT(bench.origin->Requests(), 200U + 60U);  // the circuit was open: it was not hammered
}

TEST(RunEngine, AnOriginThatStaysDownIsNamedAtTheDeadline) {
  Bench bench(PatternRun(200));
  bench.spec.policy.execution.deadline = Millis(300);
  bench.origin->script = [](const std::string&, int) {
    return Fail("ConnectionRefused", true, true);
  };
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.reason, "OriginUnavailable");
  EXPECT_EQ(report.progress.tally.left, 200);
}

TEST(RunEngine, WaitsForATargetThatIsDownAndFetchesNothingTwice) {
  Bench bench(PatternRun(2000));
  std::atomic<std::int64_t> down_since{0};
  bench.stores[0]->trouble = [&](int nth) -> std::optional<TargetError> {
    const std::int64_t now = std::chrono::steady_clock::now().time_since_epoch().count();
    if (nth == 300) down_since = now;
    if (nth < 300 || down_since == 0 || now - down_since > 400'000'000) return std::nullopt;
    return TargetError{"TargetUnavailable", "cache:6379 refused the connection", true, true};
  };
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.progress.tally.warmed, 2000) << report.message;
  EXPECT_EQ(bench.origin->Requests(), 2000U);
}

TEST(RunEngine, ATargetThatOnlyAPersonCanMendEndsTheRunSoon) {
  for (const char* reason : {"TargetOutOfMemory", "TargetReadOnly", "TargetAuth"}) {
    Bench bench(PatternRun(500));
    bench.stores[0]->trouble = [&](int nth) -> std::optional<TargetError> {
      if (nth < 100) return std::nullopt;
      return TargetError{reason, "the server said so", false, true};
    };
    const Report report = bench.RunToEnd();
    EXPECT_EQ(report.reason, reason) << report.message;
    EXPECT_LT(report.duration, seconds(3));
    ExpectExact(report.progress.tally);
  }
}

TEST(RunEngine, AVerificationThatFindsNothingFailsTheRun) {
  Bench bench(PatternRun(200));
  bench.spec.policy.verification_sample_percent = 50;
  bench.stores[0]->forgets = true;
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.reason, "VerificationFailed");
  EXPECT_EQ(report.progress.tally.verified, 0);
  EXPECT_NEAR(static_cast<double>(report.progress.tally.verify_failed), 100, 40);
}

TEST(RunEngine, VerifiesEverySampleOfAGoodRun) {
  Bench bench(PatternRun(200));
  bench.spec.policy.verification_sample_percent = 100;
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  EXPECT_EQ(report.progress.tally.verified, 200);
}

TEST(RunEngine, SnapshotsAlwaysAddUp) {
  Bench bench(PatternRun(30'000));
  auto run = bench.Create();
  (*run)->Start();
  while (!(*run)->Done()) ExpectExact((*run)->Snapshot().tally);
  EXPECT_EQ((*run)->Wait().progress.tally.warmed, 30'000);
}

TEST(RunEngine, ShardsCoverEverythingExactlyOnce) {
  std::size_t requests = 0;
  std::set<std::string> held;
  for (int index = 0; index < 3; ++index) {
    Bench bench(PatternRun(3000));
    bench.spec.shard = {index, 3};
    const Report report = bench.RunToEnd();
    EXPECT_EQ(report.reason, "Warmed") << report.message;
    requests += bench.origin->Requests();
    for (const auto& [key, value] : bench.stores[0]->values) held.insert(key);
  }
  EXPECT_EQ(requests, 3000U);
  EXPECT_EQ(held.size(), 3000U);
}

TEST(RunEngine, ResumesFromACheckpointWithoutMissingOrRepeatingBatches) {
  for (const std::size_t after : {1U, 150U, 700U, 1900U}) {
    Bench bench(PatternRun(2000));
    bench.spec.policy.targets[0].write.mode = api::Write::Mode::kOverwrite;  // no probe to lean on
    bench.spec.policy.execution.batch_size = 10;
    bench.origin->latency = Millis(1);
    Checkpoint last;
    bench.options.on_checkpoint = [&](const Checkpoint& checkpoint) { last = checkpoint; };
    auto first = bench.Create();
    (*first)->Start();
    ASSERT_TRUE(WaitFor([&] { return bench.origin->Requests() >= after; }));
    (*first)->Cancel("moved to another host");
    (*first)->Wait();
    ASSERT_LT(last.data.dump().size(), 256U << 10);

    bench.options.resume = last;
    const Report report = bench.RunToEnd();
    EXPECT_EQ(report.reason, "Warmed") << report.message;
    EXPECT_EQ(report.progress.tally.discovered, 2000);
    EXPECT_EQ(report.progress.tally.warmed, 2000);
    EXPECT_EQ(bench.stores[0]->Size(), 2000U);
    EXPECT_LE(bench.origin->Requests(),
              2000U + 400U);  // at most the batches that were not complete
  }
}

TEST(RunEngine, RefusesACheckpointOfAnotherPlan) {
  Bench bench(PatternRun(10));
  Checkpoint last;
  bench.options.on_checkpoint = [&](const Checkpoint& checkpoint) { last = checkpoint; };
  bench.RunToEnd();
  bench.options.resume = last;
  bench.spec.plan_hash = "plan-2";
  const auto run = bench.Create();
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().code, Code::kInvalid);
  EXPECT_THAT(run.error().message, HasSubstr("belongs to plan"));
}

}  // namespace
}  // namespace stoker::warming
