// Origins that are slow, fail or weigh much: what a run still asks of them, and what it tells of that.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "controller/warming/pace/memory_brake.h"
#include "tests/support/process.h"
#include "tests/unit/warming/run_fakes.h"

namespace stoker::warming::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using stoker::testing::WaitFor;

constexpr int kPacedEntries = 300;
constexpr int kPacedInFlight = 8;

RunSpec PacedRun(int entries = kPacedEntries) {
  RunSpec spec = PatternRun(entries);
  spec.policy.pacing.max_in_flight = kPacedInFlight;
  spec.policy.execution.batch_size = 20;
  return spec;
}

FetchResult Overloaded() {
  return tl::unexpected(FetchError{"HTTP503", "the server answered 503", true, false, {}});
}

// From the hundredth request on, for a while.
std::function<Millis(int, int)> SlowMidway(int until) {
  return [until](int nth, int) { return Millis(nth >= 100 && nth < until ? 300 : 1); };
}

TEST(RunPacing, ASlowOriginIsLeftAloneAtOnceAndAskedAgainAfterTheCooldown) {
  Bench bench(PacedRun());
  bench.spec.policy.pacing.latency.stop_above = Millis(100);
  bench.spec.policy.pacing.emergency_stop = {api::EmergencyStop::Resume::kAuto, Millis(600)};
  bench.origin->serve_time = SlowMidway(100 + kPacedInFlight);
  auto run = bench.Create();
  ASSERT_TRUE(run) << run.error().message;
  (*run)->Start();
  ASSERT_TRUE(WaitFor([&] { return (*run)->Snapshot().stopped.has_value(); }, seconds(5)));
  const std::size_t asked = bench.origin->Requests();
  EXPECT_LE(asked, 100 + kPacedInFlight) << "only what was in flight";
  while (const auto stopped = (*run)->Snapshot().stopped) {
    EXPECT_TRUE(stopped->resumes_in);
    EXPECT_NE(stopped->message.find("took longer than 100ms"), std::string::npos);
    EXPECT_EQ(bench.origin->Requests(), asked);
    std::this_thread::sleep_for(milliseconds(5));
  }
  const Report report = (*run)->Wait();
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  EXPECT_EQ(bench.origin->Requests(), kPacedEntries) << "nothing was fetched twice";
}

TEST(RunPacing, AManualStopHoldsUntilAnotherHostGoesOnFromTheCheckpoint) {
  Bench bench(PacedRun());
  bench.spec.policy.pacing.latency.stop_above = Millis(100);
  bench.spec.policy.execution.deadline = seconds(1);
  bench.origin->serve_time = SlowMidway(100 + kPacedInFlight);
  std::optional<Checkpoint> last;
  bench.options.on_checkpoint = [&](const Checkpoint& checkpoint) { last = checkpoint; };
  {
    auto run = bench.Create();
    ASSERT_TRUE(run);
    (*run)->Start();
    ASSERT_TRUE(WaitFor([&] { return (*run)->Snapshot().stopped.has_value(); }, seconds(5)));
    EXPECT_FALSE((*run)->Snapshot().stopped->resumes_in);
    EXPECT_FALSE(WaitFor([&] { return (*run)->Done(); }, milliseconds(1'300)))
        << "the deadline stands still";
    EXPECT_LE(bench.origin->Requests(), 100 + kPacedInFlight);
    (*run)->Drain(Millis(1'000), "handed over");
    EXPECT_EQ((*run)->Wait().result, Report::Result::kCancelled);
  }
  ASSERT_TRUE(last);
  bench.options.resume = last;
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  EXPECT_LE(bench.origin->Requests(), kPacedEntries + kPacedInFlight);
}

TEST(RunPacing, AManualStopEndsARunThatNobodyCouldResume) {
  Bench bench(PacedRun());
  bench.spec.policy.pacing.latency.stop_above = Millis(100);
  bench.options.manual_stop_ends = true;
  bench.origin->serve_time = SlowMidway(kPacedEntries);
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.result, Report::Result::kFailed);
  EXPECT_EQ(report.reason, "EmergencyStopped");
  EXPECT_NE(report.cause.find("took longer than 100ms, so the origin is left alone"),
            std::string::npos)
      << report.cause;
  EXPECT_LE(bench.origin->Requests(), 100 + kPacedInFlight);
  EXPECT_GE(report.progress.tally.warmed, 100) << "what was in flight was written";
}

TEST(RunPacing, AnOriginThatFlapsSeesNoMoreThanTheProbes) {
  constexpr int kProbes = 2;
  const Millis open_for{250};
  Bench bench(PacedRun());
  bench.spec.policy.retry.limit = 50;
  bench.spec.policy.pacing.circuit_breaker = {5, open_for, kProbes};
  std::atomic<bool> well{true};
  bench.origin->script = [&](const std::string& url, int) -> FetchResult {
    if (!well) return Overloaded();
    return Fetched{url, "text/plain", url.size()};
  };
  bench.origin->serve_time = [](int, int) { return Millis(5); };
  auto run = bench.Create();
  ASSERT_TRUE(run);
  (*run)->Start();
  ASSERT_TRUE(WaitFor([&] { return bench.origin->Requests() >= 100; }, seconds(5)));
  well = false;
  ASSERT_TRUE(WaitFor([&] { return !(*run)->Snapshot().circuit_open.empty(); }, seconds(5)));
  EXPECT_EQ((*run)->Snapshot().circuit_open, "5 requests in a row failed, the last one by HTTP503");
  const SteadyTime opened = std::chrono::steady_clock::now();
  const std::size_t before = bench.origin->Requests();
  std::this_thread::sleep_for(4 * open_for + milliseconds(50));
  const auto open_times = (std::chrono::steady_clock::now() - opened) / open_for;
  const std::size_t probed = bench.origin->Requests() - before;
  EXPECT_GE(probed, 1U);
  EXPECT_LE(probed, static_cast<std::size_t>(open_times) * kProbes);
  well = true;
  const Report report = (*run)->Wait();
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  EXPECT_EQ(report.progress.circuit_open, "");
}

TEST(RunPacing, OfTwoShardsOnlyOneProbesAtATime) {
  const Millis open_for{300};
  Bench bench(PacedRun(100));
  bench.spec.policy.retry.limit = 50;
  bench.spec.policy.pacing.circuit_breaker = {3, open_for, 1};
  std::mutex mutex;
  std::vector<std::pair<std::int64_t, int>> probes;  // slot and shard
  std::array<std::unique_ptr<warming::Run>, 2> runs;
  std::array<std::shared_ptr<OriginState>, 2> origins;
  for (int i = 0; i < 2; ++i) {
    origins[i] = std::make_shared<OriginState>();
    origins[i]->script = [&, i](const std::string&, int) -> FetchResult {
      const std::lock_guard lock(mutex);
      const auto wall = SystemClock().Wall().time_since_epoch();
      probes.emplace_back(wall / open_for, i);
      return Overloaded();
    };
    bench.origin = origins[i];
    bench.spec.shard = {i, 2};
    auto run = bench.Create();
    ASSERT_TRUE(run);
    runs[i] = std::move(*run);
    runs[i]->Start();
  }
  const auto open = [&](int i) { return !runs[i]->Snapshot().circuit_open.empty(); };
  ASSERT_TRUE(WaitFor([&] { return open(0) && open(1); }, seconds(5)));
  const auto begin = SystemClock().Wall().time_since_epoch() / open_for;
  std::this_thread::sleep_for(8 * open_for);
  for (auto& run : runs) run->Cancel("enough");
  for (auto& run : runs) run->Wait();
  std::map<std::int64_t, std::set<int>> probing;
  std::set<int> probed;
  for (const auto& [slot, shard] : probes) {
    if (slot <= begin) continue;
    probing[slot].insert(shard);
    probed.insert(shard);
  }
  EXPECT_EQ(probed.size(), 2U) << "each has its turn";
  for (const auto& [slot, shards] : probing) EXPECT_EQ(shards.size(), 1U) << "in slot " << slot;
}

TEST(RunPacing, BytesASecondHoldForShortAndLongValues) {
  for (const auto& [size, entries] : {std::pair{1'000, 1'000}, std::pair{100'000, 10}}) {
    Bench bench(PacedRun(entries));
    bench.spec.policy.pacing.bytes_per_second = 500'000;
    bench.origin->script = [bytes = size](const std::string&, int) -> FetchResult {
      return Fetched{std::string(static_cast<std::size_t>(bytes), 'v'), "text/plain",
                     static_cast<std::size_t>(bytes)};
    };
    bench.origin->serve_time = [](int, int) { return Millis(1); };
    const Report report = bench.RunToEnd();
    EXPECT_EQ(report.reason, "Warmed") << report.message;
    // A million bytes, less what the last ones did not have to wait for.
    EXPECT_GE(report.duration, milliseconds(1'600)) << size;
    EXPECT_LE(report.duration, milliseconds(4'000)) << size;
  }
}

TEST(RunPacing, FewerRequestsGoAtATimeWhileTheOriginIsSlowAndItIsSaid) {
  Bench bench(PacedRun(2'000));
  bench.spec.policy.pacing.latency.slow_above = Millis(20);
  bench.origin->serve_time = [](int, int in_flight) { return Millis(in_flight > 4 ? 60 : 2); };
  auto run = bench.Create();
  ASSERT_TRUE(run);
  (*run)->Start();
  ASSERT_TRUE(WaitFor([&] { return !(*run)->Snapshot().slowed.empty(); }, seconds(10)));
  const Progress progress = (*run)->Snapshot();
  EXPECT_LT(progress.in_flight_limit, kPacedInFlight);
  EXPECT_NE(progress.slowed.find("latency.slowAbove is 20ms"), std::string::npos)
      << progress.slowed;
  EXPECT_EQ((*run)->Wait().reason, "Warmed");
}

TEST(RunPacing, RunsOfOneScopeShareWhatTheStrictestAllowsAndOthersDoNot) {
  struct Shared {
    const char* scope;
    int most_in_flight;
  };
  for (const Shared& other : {Shared{"shop", 4}, Shared{"blog", 8}}) {
    Bench bench(PacedRun(60));
    bench.origin->serve_time = [](int, int) { return Millis(15); };
    bench.options.budgets = std::make_shared<OriginBudgets>();
    bench.options.budget_scope = "shop";
    bench.spec.policy.pacing.max_in_flight = 4;
    auto first = bench.Create();
    bench.options.budget_scope = other.scope;
    bench.spec.id = "run-2";
    bench.spec.policy.sources[0].pattern->template_ = "other:{id}";
    auto second = bench.Create();
    ASSERT_TRUE(first && second);
    (*first)->Start();
    (*second)->Start();
    EXPECT_EQ((*first)->Wait().reason, "Warmed");
    EXPECT_EQ((*second)->Wait().reason, "Warmed");
    EXPECT_LE(bench.origin->most_in_flight, other.most_in_flight) << other.scope;
    EXPECT_GE(bench.origin->most_in_flight, other.most_in_flight - 1) << other.scope;
  }
}

TEST(RunPacing, ARunThatEndedLeavesTheSharedBudgetToTheOthers) {
  Bench bench(PacedRun(1));
  bench.options.budgets = std::make_shared<OriginBudgets>();
  bench.spec.policy.pacing.requests_per_second = 1;
  bench.spec.policy.pacing.burst = 1;
  auto strict = bench.Create();
  ASSERT_TRUE(strict);
  (*strict)->Start();
  EXPECT_EQ((*strict)->Wait().reason, "Warmed");
  bench.spec = PacedRun(500);
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.reason, "Warmed");
  EXPECT_LE(report.duration, seconds(5));
}

TEST(RunPacing, WhatAStoppedRunHadOutIsTheOthersAgain) {
  Bench bench(PacedRun(40));
  bench.spec.policy.pacing.max_in_flight = 4;
  bench.options.budgets = std::make_shared<OriginBudgets>();
  auto stays = bench.Create();
  bench.spec.id = "run-2";
  bench.spec.policy.sources[0].pattern->template_ = "other:{id}";
  bench.origin->serve_time = [](int, int) { return Millis(200); };
  auto stopped = bench.Create();
  ASSERT_TRUE(stays && stopped);
  (*stopped)->Start();
  ASSERT_TRUE(WaitFor([&] {
    const std::lock_guard lock(bench.origin->mutex);
    return bench.origin->in_flight == 4;
  }));
  (*stopped)->Cancel("enough");
  (*stopped)->Wait();
  bench.spec.id = "run-3";  // so that the account bounds again
  auto third = bench.Create();
  ASSERT_TRUE(third);
  bench.origin->serve_time = [](int, int) { return Millis(1); };
  (*stays)->Start();
  ASSERT_TRUE(WaitFor([&] { return (*stays)->Done(); }, seconds(10))) << "nobody gives places back";
  EXPECT_EQ((*stays)->Wait().reason, "Warmed");
}

TEST(RunPacing, AFetchOfSeveralRequestsDoesNotWaitForThoseThatWaitForIt) {
  Bench bench(PacedRun(60));
  bench.origin->requests_each = 2;
  bench.origin->serve_time = [](int, int) { return Millis(2); };
  bench.spec.policy.pacing.latency.slow_above = Millis(1);  // so there is one place
  bench.spec.policy.pacing.requests_per_second = 500;
  bench.spec.policy.execution.deadline = Millis(20'000);
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  EXPECT_EQ(report.progress.tally.warmed, 60);
}

TEST(RunPacing, WhatWaitsForLeaveToAskAgainIsNotTheOriginsSlowness) {
  Bench bench(PacedRun(12));
  bench.origin->requests_each = 2;
  bench.spec.policy.pacing.latency.stop_above = Millis(400);
  bench.options.manual_stop_ends = true;
  bench.spec.policy.pacing.requests_per_second = 10;  // a second request waits for up to 800 ms
  bench.spec.policy.pacing.burst = 1;
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.reason, "Warmed") << report.message;
}

TEST(RunPacing, WritesGoByTheTargetsOwnPace) {
  Bench bench(PacedRun(200));
  bench.spec.policy.targets[0].pacing = api::TargetPacing{200, 0, 0};
  EXPECT_GE(bench.RunToEnd().duration, milliseconds(900));

  Bench bytes(PacedRun(20));
  bytes.spec.policy.targets[0].pacing = api::TargetPacing{0, 20'000, 0};
  bytes.origin->script = [](const std::string&, int) -> FetchResult {
    return Fetched{std::string(1'000, 'v'), "text/plain", 1'000};
  };
  EXPECT_GE(bytes.RunToEnd().duration, milliseconds(800));
}

TEST(RunPacing, NoMoreWritesAreOutThanTheTargetsPaceAllows) {
  Bench bench(PacedRun(200), 1);
  bench.spec.policy.targets[0].pacing = api::TargetPacing{0, 0, 3};
  bench.stores[0]->withholds = true;
  auto run = bench.Create();
  ASSERT_TRUE(run);
  (*run)->Start();
  ASSERT_TRUE(WaitFor([&] { return bench.stores[0]->withheld >= 3; }, seconds(5)));
  EXPECT_FALSE(WaitFor([&] { return bench.stores[0]->withheld > 3; }, milliseconds(200)));
  (*run)->Cancel("enough");
  (*run)->Wait();
}

TEST(RunPacing, AWorkerThatIsShortOfMemorySlowsDownAndSaysSo) {
  Bench bench(PacedRun());
  std::atomic<std::int64_t> used{50};
  bench.options.memory = [&] { return MemoryUse{used.load() << 20, 64 << 20}; };
  bench.origin->serve_time = [](int, int) { return Millis(10); };
  auto run = bench.Create();
  ASSERT_TRUE(run);
  (*run)->Start();
  EXPECT_FALSE((*run)->Snapshot().waiting);
  used = 62;
  ASSERT_TRUE(WaitFor([&] { return (*run)->Snapshot().waiting.has_value(); }, seconds(5)));
  const Progress progress = (*run)->Snapshot();
  EXPECT_EQ(progress.waiting->reason, "ShortOfMemory");
  EXPECT_NE(progress.waiting->message.find("62 of 64 MiB"), std::string::npos);
  EXPECT_EQ(progress.in_flight_limit, 1);
  ASSERT_TRUE(WaitFor(
      [&] {
        const std::lock_guard lock(bench.origin->mutex);
        return bench.origin->in_flight <= 1;
      },
      seconds(5)));
  used = 40;
  const Report report = (*run)->Wait();
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  EXPECT_FALSE(report.progress.waiting);
}

TEST(MemoryBrake, BrakesHarderTheNearerTheLimitAndNeverToAStop) {
  MemoryBrake brake(100);
  struct Step {
    int used, limit;
    bool told;
  };
  for (const Step& step :
       {Step{50, 100, false}, Step{79, 100, false}, Step{88, 46, true}, Step{96, 1, true},
        Step{200, 1, true}, Step{78, 100, true}, Step{70, 100, false}}) {
    brake.Look({step.used, 100});
    EXPECT_NEAR(brake.limit(), step.limit, 1) << step.used;
    EXPECT_EQ(!brake.Reason().empty(), step.told) << step.used;
  }
}

TEST(RunPacing, WhatAPaceIsSurvivesItsJson) {
  Progress progress;
  progress.in_flight_limit = 7;
  progress.slowed = "slow";
  progress.circuit_open = "fails";
  progress.stopped = Stopped{"too slow", Millis(1'500)};
  const auto read = ProgressFromJson(ToJson(progress));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->in_flight_limit, 7);
  EXPECT_EQ(read->slowed, "slow");
  EXPECT_EQ(read->circuit_open, "fails");
  ASSERT_TRUE(read->stopped);
  EXPECT_EQ(read->stopped->message, "too slow");
  EXPECT_EQ(read->stopped->resumes_in, Millis(1'500));
}

}  // namespace
}  // namespace stoker::warming::testing
