// Duplicates, selection, shards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "controller/warming/plan/key_set.h"
#include "controller/warming/plan/planner.h"
#include "controller/warming/plan/ranking.h"
#include "controller/warming/plan/selection.h"
#include "controller/warming/plan/shard.h"

namespace stoker::warming {
namespace {

TEST(KeySet, KnowsExactlyWhatItWasGiven) {
  KeySet set;
  std::mt19937_64 random(7);
  std::set<std::uint64_t> truth;
  for (int i = 0; i < 200'000; ++i) {
    const std::uint64_t hash = i % 3 == 0 ? random() % 1000 : random();
    ASSERT_EQ(set.Contains(hash), truth.contains(hash));
    EXPECT_EQ(set.Insert(hash), truth.insert(hash).second);
    ASSERT_TRUE(set.Contains(hash));
  }
  EXPECT_EQ(set.size(), truth.size());
}

TEST(KeySet, StaysSmall) {
  KeySet set;
  std::mt19937_64 random(7);
  for (int i = 0; i < 1'000'000; ++i) set.Insert(random());
  EXPECT_LT(set.MemoryBytes(), 15'000'000U);
}

TEST(Selection, KeepsTheBestAndOfEqualsTheEarlier) {
  EntryChunk chunk;
  for (const auto& [key, score] : std::vector<std::pair<const char*, double>>{
           {"a", 1}, {"b", 5}, {"c", 5}, {"d", 9}, {"e", 5}, {"f", 0}}) {
    chunk.Append(key, score);
  }
  Selection selection({.top = 3});
  for (const Entry& entry : chunk.entries) ASSERT_TRUE(selection.Offer(chunk, entry, entry.score));
  selection.Finish();
  EntryChunk best;
  EXPECT_TRUE(selection.Take(best, 2));
  EXPECT_FALSE(selection.Take(best, 2));
  ASSERT_EQ(best.entries.size(), 3U);
  EXPECT_EQ(best.Key(best.entries[0]), "d");
  EXPECT_EQ(best.Key(best.entries[1]), "b");
  EXPECT_EQ(best.Key(best.entries[2]), "c");
}

// Keys and columns of all sizes, one larger than a block, and scores that drop what was kept before.
TEST(Selection, GivesBackWholeEntriesHoweverManyItDropped) {
  constexpr std::size_t kTop = 2000;
  std::mt19937_64 random(7);
  Selection selection({.top = kTop, .columns = 2});
  std::vector<std::tuple<double, int, std::string>> truth;  // worst score, order, column
  std::size_t most = 0;
  for (int i = 0; i < 30'000; ++i) {
    EntryChunk chunk;
    const double score = i + static_cast<double>(random() % 5000);
    Entry& entry = chunk.Append("key:" + std::to_string(i), score);
    entry.source = static_cast<std::uint16_t>(i % 1000);
    entry.defect = i % 7 == 0 ? EntryDefect::kBadUrl : EntryDefect::kNone;
    const std::size_t size = i == 29'999 ? EntryArena::kBlockBytes + 1 : random() % 5000;
    std::string column(size, static_cast<char>('a' + i % 26));
    entry.ttl_ms = i % 3 * 1000;
    chunk.AppendColumn("");
    chunk.AppendColumn(column);
    if (i % 5 == 0) chunk.AppendValue("value:" + std::to_string(i));
    ASSERT_TRUE(selection.Offer(chunk, chunk.entries[0], chunk.entries[0].score));
    truth.emplace_back(-score, i, std::move(column));
    most = std::max(most, selection.MemoryBytes());
  }
  EXPECT_LT(most, 2 * kTop * 2500 + 8 * EntryArena::kBlockBytes) << "gaps are not packed";
  selection.Finish();
  std::sort(truth.begin(), truth.end());
  EntryChunk best;
  best.want_entries = kTop;
  best.want_bytes = kMaxChunkText;
  while (selection.Take(best, 300)) {
  }
  ASSERT_EQ(best.entries.size(), kTop);
  for (std::size_t n = 0; n < kTop; ++n) {
    const auto& [score, i, column] = truth[n];
    const Entry& entry = best.entries[n];
    ASSERT_EQ(best.Key(entry), "key:" + std::to_string(i));
    EXPECT_EQ(entry.hash, KeyHash(best.Key(entry)));
    EXPECT_EQ(entry.score, -score);
    EXPECT_EQ(entry.source, i % 1000);
    EXPECT_EQ(entry.defect, i % 7 == 0 ? EntryDefect::kBadUrl : EntryDefect::kNone);
    EXPECT_EQ(best.Column(entry, 0), "");
    EXPECT_EQ(entry.ttl_ms, i % 3 * 1000);
    EXPECT_EQ(best.Column(entry, 1), column);
    ASSERT_EQ(entry.carries_value, i % 5 == 0);
    if (entry.carries_value) EXPECT_EQ(best.Value(entry, 2), "value:" + std::to_string(i));
  }
}

TEST(Selection, GivesBackNoMoreThanAChunkHolds) {
  const std::string column(kChunkBytes / 4, 'c');
  Selection selection({.top = 100, .columns = 1});
  for (int i = 0; i < 100; ++i) {
    EntryChunk chunk;
    chunk.Append("key:" + std::to_string(i), 1);
    chunk.AppendColumn(column);
    ASSERT_TRUE(selection.Offer(chunk, chunk.entries[0], chunk.entries[0].score));
  }
  selection.Finish();
  std::size_t entries = 0;
  EntryChunk out;
  for (bool more = true; more; out.Clear()) {
    more = selection.Take(out, kChunkEntries);
    EXPECT_LT(out.text.size(), 2 * kChunkBytes);
    entries += out.entries.size();
  }
  EXPECT_EQ(entries, 100U);
}

TEST(Selection, FailsWhereWhatItKeepsIsTooMuch) {
  Selection selection({.top = 1000, .max_bytes = 4 << 20});
  EntryChunk chunk;
  chunk.Append("key", 0);
  chunk.AppendValue(std::string(1 << 20, 'v'));
  Status offered;
  int kept = 0;
  for (; offered && kept < 10; ++kept) {
    offered = selection.Offer(chunk, chunk.entries[0], chunk.entries[0].score);
    chunk.entries[0].score += 1;
  }
  EXPECT_EQ(kept, 4);
  ASSERT_FALSE(offered);
  EXPECT_EQ(offered.error().code, Code::kExhausted);
  EXPECT_EQ(offered.error().message.find("spec.strategy.top: the best 1000 entries come to more "
                                         "than 4 MiB; lower top"),
            0U)
      << offered.error().message;

  Selection few({.top = 2, .max_bytes = 4 << 20});
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(few.Offer(chunk, chunk.entries[0], chunk.entries[0].score))
        << "what is dropped does not count";
    chunk.entries[0].score += 1;
  }
}

TEST(Selection, KeepsAMillionEntriesInFiftyBytesEach) {
  constexpr std::size_t kTop = 1'000'000;
  Selection selection({.top = kTop});
  EntryChunk chunk;
  for (std::size_t i = 0; i < kTop; ++i) {
    chunk.Clear();
    const Entry& entry = chunk.Append("product:" + std::to_string(10'000'000 + i),
                                      static_cast<double>(i * 7919 % kTop));
    ASSERT_TRUE(selection.Offer(chunk, entry, entry.score));
  }
  const std::size_t each = selection.MemoryBytes() / kTop;
  RecordProperty("bytes_an_entry", static_cast<int>(each));
  EXPECT_LE(each, 50U) << "of which the key has 16";
}

TEST(Selection, OfEverythingKeepsTheOrderAndTheScores) {
  Selection selection({.by_score = false});
  EntryChunk chunk;
  for (int i = 0; i < 5; ++i) chunk.Append("key:" + std::to_string(i), 100 + i);
  const double ranks[] = {-3, -1, -2, -1, -2};
  for (std::size_t i = 0; i < chunk.entries.size(); ++i) {
    ASSERT_TRUE(selection.Offer(chunk, chunk.entries[i], ranks[i]));
  }
  selection.Finish();
  EntryChunk out;
  EXPECT_FALSE(selection.Take(out, 10));
  std::vector<std::string> keys;
  for (const Entry& entry : out.entries) {
    keys.emplace_back(out.Key(entry));
    EXPECT_EQ(entry.score, 100 + std::stoi(keys.back().substr(4)));
  }
  EXPECT_THAT(keys, ::testing::ElementsAre("key:1", "key:3", "key:2", "key:4", "key:0"));
}

TEST(Selection, OfEverythingRefusesWhatIsTooMuchAndSaysWhatToDo) {
  Selection selection({.most = 2});
  EntryChunk chunk;
  chunk.Append("key", 1);
  ASSERT_TRUE(selection.Offer(chunk, chunk.entries[0], 1));
  ASSERT_TRUE(selection.Offer(chunk, chunk.entries[0], 1));
  const Status third = selection.Offer(chunk, chunk.entries[0], 1);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, Code::kExhausted);
  EXPECT_THAT(third.error().message,
              ::testing::HasSubstr("they come to more than 2 entries; set top"));
}

TEST(Ranking, CountsTheSegmentsOfAKey) {
  const struct {
    const char* key;
    const char* separator;
    std::size_t depth;
  } rows[] = {{"", ":", 0},      {"shop", ":", 1}, {"shop:1", ":", 2}, {"shop:1:a", ":", 3},
              {"/", "/", 0},     {"/a", "/", 1},   {"/a/", "/", 1},    {"/a//b", "/", 2},
              {"a::b", "::", 2}, {"a:b", "::", 1}, {":::", ":", 0},    {"a->b->c", "->", 3}};
  for (const auto& row : rows) EXPECT_EQ(KeyDepth(row.key, row.separator), row.depth) << row.key;
}

TEST(Ranking, PutsParentsBeforeTheirChildren) {
  api::Strategy strategy;
  strategy.type = api::Strategy::Type::kBreadthFirst;
  strategy.separator = "/";
  EntryChunk chunk;
  for (const char* key : {"/", "/a", "/a/b", "/a/b/c"}) chunk.Append(key, 1);
  const Ranking ranking(strategy);
  for (std::size_t i = 1; i < chunk.entries.size(); ++i) {
    EXPECT_GT(ranking.Of(chunk, chunk.entries[i - 1], 0), ranking.Of(chunk, chunk.entries[i], 0));
  }
}

TEST(Ranking, PriorityIsImportanceTimesScoreByCost) {
  api::Strategy strategy;
  strategy.type = api::Strategy::Type::kPriority;
  strategy.importance = {{"product:*", 10}, {"*:test", 0}, {"product:9", 99}};
  EntryChunk chunk;
  chunk.Append("product:1", 2);
  chunk.Append("other", 2);
  chunk.Append("page:test", 7);
  chunk.Append("product:9", 2);  // the first rule that matches counts
  chunk.Append("product:2", 2);
  chunk.AppendValue(std::string(2048 - 9, 'v'));
  const Ranking ranking(strategy);
  std::vector<double> ranks;
  for (const Entry& entry : chunk.entries) ranks.push_back(ranking.Of(chunk, entry, 0));
  EXPECT_THAT(ranks, ::testing::ElementsAre(20, 2, 0, 20, 10));
}

TEST(Plan, BatchesAreSmallOnlyWhereAnOriginIsAskedInOrder) {
  api::WarmingPolicySpec policy;
  policy.sources.resize(2);
  policy.pacing.max_in_flight = 40;
  policy.execution.batch_size = 1000;
  EXPECT_EQ(BatchSizeOf(policy, {0, 1}), 1000U);
  policy.strategy.type = api::Strategy::Type::kPriority;
  EXPECT_EQ(BatchSizeOf(policy, {0, 1}), 40U);
  EXPECT_EQ(BatchSizeOf(policy, {1, 4}), 16U);
  policy.execution.batch_size = 5;
  EXPECT_EQ(BatchSizeOf(policy, {0, 1}), 5U);
  policy.execution.batch_size = 1000;
  for (api::Source& source : policy.sources) source.redis.emplace();
  EXPECT_EQ(BatchSizeOf(policy, {0, 1}), 1000U);
}

TEST(Shard, SharesAreExactAndEven) {
  for (const std::int64_t whole : {3, 10, 100, 1001}) {
    for (const int count : {1, 2, 3}) {
      std::int64_t sum = 0;
      for (int i = 0; i < count; ++i) {
        EXPECT_GE(ShareOf(whole, i, count), 1);
        sum += ShareOf(whole, i, count);
      }
      EXPECT_EQ(sum, whole);
    }
  }
}

TEST(Shard, EveryHashHasOneShardAndShardsAreEven) {
  int counts[7] = {};
  for (int i = 0; i < 70'000; ++i) ++counts[ShardOf(KeyHash("key:" + std::to_string(i)), 7)];
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 500);
  EXPECT_EQ(ShardOf(UINT64_MAX, 7), 6);
  EXPECT_EQ(ShardOf(0, 7), 0);
}

}  // namespace
}  // namespace stoker::warming
