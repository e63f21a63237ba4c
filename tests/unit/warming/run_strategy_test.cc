// Strategies on their way through the engine: what is asked for first, and what a deadline cuts.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/unit/warming/run_fakes.h"

namespace stoker::warming {
namespace {

using testing::Bench;
using testing::PatternRun;

constexpr char kRanked[] = "http://lists.test/ranked.txt";

RunSpec RankedRun(api::Strategy strategy) {
  RunSpec spec = PatternRun(1);
  spec.policy.sources[0].pattern.reset();
  spec.policy.sources[0].http = api::HttpSource{kRanked};
  spec.policy.strategy = std::move(strategy);
  return spec;
}

// The keys in the order in which a single request at a time asked for them.
std::vector<std::string> Order(Bench& bench) {
  std::vector<std::string> keys;
  bench.spec.policy.pacing.max_in_flight = 1;
  bench.origin->script = [&](const std::string& url, int) -> FetchResult {
    keys.push_back(url.substr(url.rfind("test/") + 5));
    return Fetched{"value", "text/plain", 5};
  };
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.result, Report::Result::kSucceeded) << report.message;
  return keys;
}

TEST(RunStrategy, BreadthFirstAsksForParentsBeforeTheirChildren) {
  Bench bench(RankedRun({api::Strategy::Type::kBreadthFirst}));
  bench.spec.policy.origins[0].http->url = "http://origin.test/{+key}";
  bench.spec.policy.strategy.separator = "-";
  bench.documents->bodies[kRanked] = "a-1-x\na-1\nb-2-y-z\nb\nb-2\na\nb-2-y\n";
  EXPECT_THAT(Order(bench),
              ::testing::ElementsAre("b", "a", "a-1", "b-2", "a-1-x", "b-2-y", "b-2-y-z"));
}

TEST(RunStrategy, PriorityAsksForWhatIsImportantAndHotFirst) {
  Bench bench(RankedRun({api::Strategy::Type::kPriority}));
  bench.spec.policy.strategy.importance = {{"p-*", 10}, {"never-*", 0}};
  bench.documents->bodies[kRanked] = "x\t15\nnever-1\t900\np-1\t1\np-2\t2\ny\n";
  EXPECT_THAT(Order(bench), ::testing::ElementsAre("p-2", "x", "p-1", "y", "never-1"));
  Bench few(RankedRun({api::Strategy::Type::kPriority, 2}));
  few.spec.policy.strategy.importance = bench.spec.policy.strategy.importance;
  few.documents->bodies[kRanked] = bench.documents->bodies[kRanked];
  EXPECT_THAT(Order(few), ::testing::ElementsAre("p-2", "x"));
}

TEST(RunStrategy, EveryShardOfAnOrderedPlanWarmsItsShareOnceInOrder) {
  std::set<std::string> all;
  for (int shard = 0; shard < 2; ++shard) {
    Bench bench(RankedRun({api::Strategy::Type::kPriority}));
    bench.spec.shard = {shard, 2};
    for (int i = 0; i < 100; ++i) {
      bench.documents->bodies[kRanked] += fmt::format("k{:02}\t{}\n", i, i);
    }
    bench.spec.policy.pacing.max_in_flight = 2;
    std::vector<std::string> keys;
    bench.origin->script = [&](const std::string& url, int) -> FetchResult {
      keys.push_back(url.substr(url.rfind('/') + 1));
      return Fetched{"value", "text/plain", 5};
    };
    EXPECT_EQ(bench.RunToEnd().result, Report::Result::kSucceeded);
    EXPECT_TRUE(std::is_sorted(keys.rbegin(), keys.rend()));
    for (const std::string& key : keys) EXPECT_TRUE(all.insert(key).second) << key;
  }
  EXPECT_EQ(all.size(), 100U);
}

// A slow origin, several loops and a deadline: what was warmed is the top, but for what was in
// flight and what each loop had at hand.
TEST(RunStrategy, ADeadlineCutsFromTheBottom) {
  constexpr int kEntries = 20'000;
  constexpr int kLoops = 4;
  for (const auto type : {api::Strategy::Type::kSelective, api::Strategy::Type::kPriority}) {
    api::Strategy strategy{type};
    if (type == api::Strategy::Type::kSelective) strategy.top = kEntries - 1;
    Bench bench(RankedRun(strategy), kLoops);
    // The first line is the worst.
    for (int i = 0; i < kEntries; ++i) {
      bench.documents->bodies[kRanked] += fmt::format("{}\t{}\n", kEntries - 1 - i, i);
    }
    bench.origin->latency = Millis(2);
    bench.spec.policy.pacing.max_in_flight = 8;
    bench.spec.policy.execution.batch_size = 5000;
    bench.spec.policy.execution.deadline = Millis(700);
    const Report report = bench.RunToEnd();
    EXPECT_EQ(report.reason, "DeadlineExceeded");
    const auto& values = bench.stores[0]->values;
    ASSERT_GT(values.size(), 100U);
    ASSERT_LT(values.size(), kEntries / 2U);
    std::size_t last = 0;
    for (const auto& [key, value] : values) last = std::max<std::size_t>(last, std::stoul(key));
    constexpr std::size_t kAtHand = kLoops * (16 + 16), kInFlight = 2 * 8;
    EXPECT_LE(last, values.size() + kAtHand + kInFlight);
  }
}

}  // namespace
}  // namespace stoker::warming
