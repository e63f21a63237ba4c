#pragma once

// Which shard an entry belongs to, and what share of a whole a shard may use.
//
// Entries go by the high bits of their key's hash (multiply and shift, no modulo bias worth a
// name): KeyHash(), or where a database shares rows out by itself, Md5Head(). A share is exact: the shares of all shards sum to the whole, remainders going to the
// first.
//
// Thread safety: pure.

#include <cstdint>

namespace stoker::warming {

// Static sharding: this host takes the entries whose key hash falls to `index` of `count`, and
// its exact share of rate, burst and in-flight.
struct Shard {
  int index = 0;
  int count = 1;
};

[[nodiscard]] constexpr int ShardOf(std::uint64_t hash, int count) {
  return static_cast<int>(((hash >> 32) * static_cast<std::uint64_t>(count)) >> 32);
}

[[nodiscard]] constexpr std::int64_t ShareOf(std::int64_t whole, int index, int count) {
  return whole / count + (index < whole % count ? 1 : 0);
}

}  // namespace stoker::warming
