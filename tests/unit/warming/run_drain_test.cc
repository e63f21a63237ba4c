// Handing a run over: what is in flight is finished, nothing is begun, nothing is fetched twice.
#include <gtest/gtest.h>

#include "tests/support/process.h"
#include "tests/unit/warming/run_fakes.h"

namespace stoker::warming {
namespace {

using std::chrono::seconds;
using stoker::testing::WaitFor;
using testing::Bench;
using testing::PatternRun;

constexpr char kReason[] = "the controller is stopping";

TEST(RunDrain, FinishesWhatIsInFlightAndLeavesTheRestToTheNext) {
  for (const auto mode : {api::Write::Mode::kIfAbsent, api::Write::Mode::kOverwrite}) {
    Bench bench(PatternRun(600));
    bench.spec.policy.execution.batch_size = 1;  // so that a checkpoint forgets no entry
    bench.spec.policy.targets[0].write.mode = mode;
    bench.origin->latency = Millis(20);
    Checkpoint last;
    bench.options.on_checkpoint = [&](const Checkpoint& checkpoint) { last = checkpoint; };
    auto run = bench.Create();
    (*run)->Start();
    ASSERT_TRUE(WaitFor([&] { return bench.origin->Requests() > 100; }));
    (*run)->Drain(seconds(20), kReason);
    const Report report = (*run)->Wait();
    EXPECT_EQ(report.reason, "Cancelled") << report.message;
    EXPECT_TRUE(report.message.starts_with(kReason)) << report.message;
    EXPECT_LT(report.duration, seconds(10)) << "it does not wait for the grace to pass";
    EXPECT_LT(bench.origin->Requests(), 600U);
    EXPECT_EQ(bench.stores[0]->Size(), bench.origin->Requests());
    const Tally& tally = report.progress.tally;
    EXPECT_EQ(tally.warmed, static_cast<std::int64_t>(bench.origin->Requests()));
    EXPECT_EQ(tally.discovered, tally.warmed + tally.left);

    bench.options.resume = last;
    const Report next = bench.RunToEnd();
    EXPECT_EQ(next.reason, "Warmed") << next.message;
    EXPECT_EQ(next.progress.resumed, Resumed::kGoesOn);
    EXPECT_EQ(bench.origin->Requests(), 600U) << "something was fetched twice";
  }
}

TEST(RunDrain, DoesNotWaitForThatWhichLooksAfterTheTarget) {
  Bench bench(PatternRun(600));
  bench.spec.policy.targets[0].capacity = api::Capacity{};
  bench.origin->latency = Millis(20);
  auto run = bench.Create();
  (*run)->Start();
  ASSERT_TRUE(WaitFor([&] { return bench.origin->Requests() > 100; }));
  (*run)->Drain(seconds(20), kReason);
  EXPECT_LT((*run)->Wait().duration, seconds(10));
}

TEST(RunDrain, ARunThatHasNothingLeftEndsAsItWould) {
  Bench bench(PatternRun(16));
  bench.origin->latency = Millis(100);
  bench.spec.policy.verification_sample_percent = 100;
  auto run = bench.Create();
  (*run)->Start();
  ASSERT_TRUE(WaitFor([&] { return (*run)->Snapshot().enumerated; }));
  ASSERT_TRUE(WaitFor([&] { return bench.origin->Requests() == 16; }));
  (*run)->Drain(seconds(20), kReason);
  const Report report = (*run)->Wait();
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  EXPECT_EQ(report.progress.tally.verified, 16);
}

TEST(RunDrain, EndsWhenTheGraceIsOver) {
  struct Case {
    const char* name;
    std::function<void(Bench&)> arrange;
  };
  const std::vector<Case> cases = {
      {"an origin that takes its time", [](Bench& b) { b.origin->latency = seconds(30); }},
      {"a target that is down",
       [](Bench& b) {
         b.stores[0]->trouble = [](int nth) -> std::optional<TargetError> {
           if (nth < 20) return std::nullopt;
           return TargetError{"TargetUnavailable", "cache:6379 is away", true, true};
         };
       }},
      {"a target that never answers", [](Bench& b) { b.stores[0]->withholds = true; }},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Bench bench(PatternRun(600));
    c.arrange(bench);
    auto run = bench.Create();
    (*run)->Start();
    ASSERT_TRUE(WaitFor([&] { return bench.origin->Requests() >= 16; }));
    const auto begun = std::chrono::steady_clock::now();
    (*run)->Drain(Millis(300), kReason);
    const Report report = (*run)->Wait();
    EXPECT_EQ(report.reason, "Cancelled") << report.message;
    EXPECT_LT(std::chrono::steady_clock::now() - begun, Millis(1300));
    EXPECT_GT(report.progress.tally.left, 0);
  }
}

TEST(RunDrain, ACancellationDoesNotWaitForIt) {
  Bench bench(PatternRun(600));
  bench.origin->latency = seconds(30);
  auto run = bench.Create();
  (*run)->Start();
  ASSERT_TRUE(WaitFor([&] { return bench.origin->Requests() >= 16; }));
  (*run)->Drain(seconds(30), kReason);
  const auto begun = std::chrono::steady_clock::now();
  (*run)->Cancel("its Job was deleted");
  EXPECT_TRUE((*run)->Wait().message.starts_with("its Job was deleted"));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, seconds(1));
}

// What a host that is killed can lose.
TEST(RunDrain, NoMoreThanTwiceMaxInFlightIsBetweenTheOriginAndAnAcknowledgement) {
  Bench bench(PatternRun(600));
  bench.stores[0]->withholds = true;
  auto run = bench.Create();
  (*run)->Start();
  EXPECT_TRUE(WaitFor([&] { return bench.origin->Requests() == 2U * 16; }));
  EXPECT_FALSE(WaitFor([&] { return bench.origin->Requests() > 2U * 16; }, Millis(300)));
  (*run)->Cancel("enough");
  EXPECT_EQ((*run)->Wait().progress.tally.left, 600);
}

}  // namespace
}  // namespace stoker::warming
