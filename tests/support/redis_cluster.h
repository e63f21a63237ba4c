#pragma once

// Redis in company: a cluster of six nodes, and a master with a replica and three sentinels.
//
// Thread safety: one thread. The servers die with their owner.

#include <memory>
#include <string>
#include <vector>

#include "tests/support/redis_server.h"

namespace stoker::testing {

class RedisCluster {
 public:
  // Three primaries with a replica each. Returns when all six agree that it serves.
  RedisCluster();

  [[nodiscard]] RedisServer& node(std::size_t index) { return *nodes_[index]; }
  [[nodiscard]] std::string address() const { return nodes_.front()->address(); }
  // Runs redis-cli as a client of the cluster.
  [[nodiscard]] std::string Cli(const std::vector<std::string>& arguments) const;
  // Which node owns a slot now, as node `asked` sees it.
  [[nodiscard]] std::vector<std::size_t> Primaries() const;
  // How many keys the primaries hold together.
  [[nodiscard]] int Keys() const;
  // Moves slots from one primary to another, while both serve; what redis-cli said on failure.
  [[nodiscard]] std::string Reshard(std::size_t from, std::size_t to, int slots) const;
  // True once all living nodes say that the cluster serves.
  [[nodiscard]] bool Serves() const;

 private:
  [[nodiscard]] std::string Id(std::size_t node) const;
  std::vector<std::unique_ptr<RedisServer>> nodes_;
};

class RedisSentinels {
 public:
  RedisSentinels();

  [[nodiscard]] std::string address() const { return sentinel_address(0); }
  [[nodiscard]] std::string sentinel_address(std::size_t index) const;
  // The server that the sentinels name now.
  [[nodiscard]] RedisServer* Master();
  [[nodiscard]] std::string Ask(std::size_t sentinel,
                                const std::vector<std::string>& command) const;
  void KillSentinel(std::size_t index);
  static constexpr char kMaster[] = "shop";

 private:
  TempDir dir_;
  std::vector<std::unique_ptr<RedisServer>> servers_;
  std::vector<int> ports_;
  std::vector<std::unique_ptr<Process>> sentinels_;
};

}  // namespace stoker::testing
