// Tiers: who takes what, in which order, and what a failure below does above.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/warming/run/tiers.h"
#include "tests/support/process.h"
#include "tests/unit/warming/run_fakes.h"

namespace stoker::warming {
namespace {

using stoker::testing::WaitFor;
using testing::Bench;
using ::testing::HasSubstr;
using testing::PatternRun;
using testing::StoreState;

std::vector<api::Target> TargetsWith(std::vector<std::optional<double>> scores) {
  std::vector<api::Target> targets;
  for (const auto& score : scores) {
    api::Target& target = targets.emplace_back();
    target.name = "t" + std::to_string(targets.size());
    target.min_score = score;
  }
  return targets;
}

TEST(Tiers, TakeWhatScoresEnough) {
  const Tiers tiers(TargetsWith({std::nullopt, std::nullopt, 1, 10}));
  EXPECT_EQ(tiers.TargetsOf(0), 0b0011);
  EXPECT_EQ(tiers.TargetsOf(1), 0b0111);
  EXPECT_EQ(tiers.TargetsOf(10), 0b1111);
  EXPECT_EQ(tiers.TargetsOf(-5), 0b0011);
}

TEST(Tiers, AreFilledFromBelowAndOthersAtOnce) {
  const Tiers tiers(TargetsWith({std::nullopt, std::nullopt, 1, 10}));
  EXPECT_EQ(tiers.Next(0b1111, 0), 0b0011);
  EXPECT_EQ(tiers.Next(0b1110, 0), 0b0010);
  EXPECT_EQ(tiers.Next(0b1100, 0), 0b0100);
  EXPECT_EQ(tiers.Next(0b1000, 0), 0b1000);
  EXPECT_EQ(tiers.Next(0b0001, 0), 0b0001) << "a hole below is filled there alone";
  EXPECT_EQ(tiers.Next(0b1101, 0b0001), 0) << "what is refused below never comes above";
  const Tiers flat(TargetsWith({std::nullopt, std::nullopt}));
  EXPECT_EQ(flat.Next(0b11, 0), 0b11);
}

TEST(Tiers, StandFromTheLowestToTheHighest) {
  EXPECT_TRUE(Tiers::Check(TargetsWith({std::nullopt, std::nullopt, 0, 5, 5})));
  EXPECT_THAT(Tiers::Check(TargetsWith({1, 2})).error().message, HasSubstr("targets[0].minScore"));
  EXPECT_THAT(Tiers::Check(TargetsWith({std::nullopt, 2, 1})).error().message,
              HasSubstr("targets[2].minScore"));
  EXPECT_FALSE(Tiers::Check(TargetsWith({std::nullopt, 2, std::nullopt})));
}

constexpr char kScored[] = "http://lists.test/scored.txt";

// "hot" scores 50, "warm" 5 and "cold" 1; the tiers begin at 0, 5 and 50.
class RunTiers : public ::testing::Test {
 protected:
  static RunSpec Spec() {
    RunSpec spec = PatternRun(1);
    spec.policy.sources[0].pattern.reset();
    spec.policy.sources[0].http = api::HttpSource{kScored};
    const Millis ttls[] = {Millis(3'000'000), Millis(2'000'000), Millis(1'000'000)};
    spec.policy.targets = TargetsWith({std::nullopt, 5, 50});
    for (std::size_t t = 0; t < 3; ++t) spec.policy.targets[t].write.ttl = ttls[t];
    return spec;
  }
  RunTiers() { bench_.documents->bodies[kScored] = "cold\t1\nhot\t50\nwarm\t5\n"; }
  std::vector<std::string> In(std::size_t tier) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : bench_.stores[tier]->values) keys.push_back(key);
    return keys;
  }
  Bench bench_{Spec()};
};

TEST_F(RunTiers, EachTakesItsShareForItsTime) {
  const Report report = bench_.RunToEnd();
  EXPECT_EQ(report.progress.tally.warmed, 3);
  EXPECT_THAT(In(0), ::testing::ElementsAre("cold", "hot", "warm"));
  EXPECT_THAT(In(1), ::testing::ElementsAre("hot", "warm"));
  EXPECT_THAT(In(2), ::testing::ElementsAre("hot"));
  EXPECT_EQ(bench_.stores[2]->Get("hot")->ttl, Millis(1'000'000));
  EXPECT_EQ(bench_.stores[0]->Get("hot")->ttl, Millis(3'000'000));
  EXPECT_EQ(report.progress.targets[0].warmed, 3);
  EXPECT_EQ(report.progress.targets[2].warmed, 1);
}

TEST_F(RunTiers, SkipsWhatItsOwnTiersHoldAndFillsAHoleWhereItIs) {
  bench_.stores[0]->values["cold"] = {"kept", Millis(0)};
  bench_.stores[1]->values["warm"] = {"kept", Millis(0)};  // below, it has expired
  for (const auto& store : bench_.stores) store->values["hot"] = {"kept", Millis(0)};
  const Report report = bench_.RunToEnd();
  EXPECT_EQ(report.progress.tally.skipped, 2);
  EXPECT_EQ(report.progress.tally.warmed, 1);
  EXPECT_EQ(bench_.origin->Requests(), 1U);
  EXPECT_NE(bench_.stores[0]->Get("warm")->value, "kept");
  EXPECT_EQ(bench_.stores[1]->Get("warm")->value, "kept");
  EXPECT_FALSE(bench_.stores[2]->Get("warm"));
}

TEST_F(RunTiers, NothingClimbsThatTheTierBelowHasNotAcknowledged) {
  bench_.stores[1]->withholds = true;  // keeps its acknowledgements to itself
  auto run = bench_.Create();
  ASSERT_TRUE(run);
  (*run)->Start();
  ASSERT_TRUE(WaitFor([&] { return (*run)->Snapshot().tally.warmed == 1; }));  // cold
  EXPECT_EQ(bench_.stores[0]->Size(), 3U);
  EXPECT_EQ(bench_.stores[2]->Size(), 0U);
  (*run)->Cancel("enough");
  (*run)->Wait();
  EXPECT_EQ(bench_.stores[2]->Size(), 0U);
}

TEST_F(RunTiers, WhatIsRefusedBelowFailsAndIsOfferedNowhereElse) {
  bench_.stores[1]->trouble = [](int) -> std::optional<TargetError> {
    return TargetError{"ValueTooLarge", "the value is too large", false, false};
  };
  const Report report = bench_.RunToEnd();
  EXPECT_EQ(report.progress.tally.warmed, 1);
  EXPECT_EQ(report.progress.tally.failed, 2);
  EXPECT_EQ(bench_.stores[2]->Size(), 0U);
  EXPECT_EQ(report.progress.targets[1].failed, 2);
  EXPECT_EQ(report.progress.targets[2].failed, 0) << "it was never asked";
}

TEST_F(RunTiers, AnUpperTierThatStumblesIsWrittenLater) {
  bench_.stores[2]->trouble = [](int nth) -> std::optional<TargetError> {
    if (nth < 2 || nth > 3) return std::nullopt;  // opening, and all after the second try
    return TargetError{"TargetTimeout", "it took too long", true, false};
  };
  const Report report = bench_.RunToEnd();
  EXPECT_EQ(report.progress.tally.warmed, 3) << report.message;
  EXPECT_EQ(bench_.stores[2]->Size(), 1U);
}

TEST_F(RunTiers, ManyClimbAtOnceOnSeveralLoops) {
  std::string list;
  for (int i = 0; i < 5000; ++i) {
    list += "k" + std::to_string(i) + "\t" + std::to_string(i % 100) + "\n";
  }
  bench_.documents->bodies[kScored] = list;
  const Report report = bench_.RunToEnd();
  EXPECT_EQ(report.progress.tally.warmed, 5000);
  EXPECT_EQ(bench_.stores[0]->Size(), 5000U);
  EXPECT_EQ(bench_.stores[1]->Size(), 4750U);
  EXPECT_EQ(bench_.stores[2]->Size(), 2500U);
}

}  // namespace
}  // namespace stoker::warming
