// Duplicates, selection, shards.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "controller/warming/plan/key_set.h"
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
    EXPECT_EQ(set.Insert(hash), truth.insert(hash).second);
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
  Selection selection(3);
  for (const Entry& entry : chunk.entries) selection.Offer(chunk, entry, 0);
  selection.Finish();
  EntryChunk best;
  EXPECT_TRUE(selection.Take(best, 2));
  EXPECT_FALSE(selection.Take(best, 2));
  ASSERT_EQ(best.entries.size(), 3U);
  EXPECT_EQ(best.Key(best.entries[0]), "d");
  EXPECT_EQ(best.Key(best.entries[1]), "b");
  EXPECT_EQ(best.Key(best.entries[2]), "c");
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
