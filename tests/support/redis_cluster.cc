#include "tests/support/redis_cluster.h"

#include <signal.h>

#include <stdexcept>

namespace stoker::testing {
namespace {

constexpr std::size_t kNodes = 6;

std::string Trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

}  // namespace

RedisCluster::RedisCluster() {
  std::vector<std::string> create = {"redis-cli", "--cluster", "create"};
  for (std::size_t i = 0; i < kNodes; ++i) {
    nodes_.push_back(std::make_unique<RedisServer>(std::vector<std::string>{
        "cluster-enabled yes", "cluster-config-file nodes.conf", "cluster-node-timeout 1000",
        "cluster-port " + std::to_string(FreePort()), "repl-diskless-sync-delay 0"}));
    create.push_back(nodes_.back()->address());
  }
  create.insert(create.end(), {"--cluster-replicas", "1", "--cluster-yes"});
  const CommandResult made = RunCommand(create);
  if (made.exit_code != 0) throw std::runtime_error("redis-cli --cluster create: " + made.out);
  const auto replicates = [&] {
    std::size_t linked = 0;
    for (const auto& node : nodes_) {
      linked +=
          node->Cli({"info", "replication"}).find("master_link_status:up") != std::string::npos;
    }
    return linked == kNodes / 2;
  };
  if (!WaitFor([&] { return Serves() && replicates(); }, std::chrono::seconds(60))) {
    throw std::runtime_error("the cluster does not serve: " + nodes_[0]->Cli({"cluster", "nodes"}));
  }
}

std::string RedisCluster::Cli(const std::vector<std::string>& arguments) const {
  std::vector<std::string> all = {"-c"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return nodes_.front()->Cli(all);
}

bool RedisCluster::Serves() const {
  for (const auto& node : nodes_) {
    if (!CanConnect(node->port())) continue;
    const std::string info = node->Cli({"cluster", "info"});
    if (info.find("cluster_state:ok") == std::string::npos ||
        info.find("cluster_slots_ok:16384") == std::string::npos ||
        info.find("cluster_known_nodes:" + std::to_string(kNodes)) == std::string::npos) {
      return false;
    }
  }
  return true;
}

std::vector<std::size_t> RedisCluster::Primaries() const {
  std::vector<std::size_t> primaries;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (CanConnect(nodes_[i]->port()) && nodes_[i]->Cli({"role"}).starts_with("master")) {
      primaries.push_back(i);
    }
  }
  return primaries;
}

int RedisCluster::Keys() const {
  int keys = 0;
  for (const std::size_t primary : Primaries()) {
    keys += std::stoi(nodes_[primary]->Cli({"dbsize"}));
  }
  return keys;
}

std::string RedisCluster::Id(std::size_t node) const {
  return Trimmed(nodes_[node]->Cli({"cluster", "myid"}));
}

std::string RedisCluster::Reshard(std::size_t from, std::size_t to, int slots) const {
  const CommandResult moved = RunCommand(
      {"redis-cli", "--cluster", "reshard", nodes_[from]->address(), "--cluster-from", Id(from),
       "--cluster-to", Id(to), "--cluster-slots", std::to_string(slots), "--cluster-yes"});
  return moved.exit_code == 0 ? "" : moved.out + moved.err;
}

RedisSentinels::RedisSentinels() {
  servers_.push_back(
      std::make_unique<RedisServer>(std::vector<std::string>{"repl-diskless-sync-delay 0"}));
  const std::string master = std::to_string(servers_.front()->port());
  servers_.push_back(std::make_unique<RedisServer>(
      std::vector<std::string>{"replicaof 127.0.0.1 " + master, "repl-diskless-sync-delay 0"}));
  for (int i = 0; i < 3; ++i) {
    ports_.push_back(FreePort());
    const std::string port = std::to_string(ports_.back());
    const std::string file =
        dir_.File("sentinel-" + port, "bind 127.0.0.1\nport " + port + "\ndir " + dir_.path() +
                                          "\nsentinel monitor " + kMaster + " 127.0.0.1 " + master +
                                          " 2\nsentinel down-after-milliseconds " + kMaster +
                                          " 500\nsentinel failover-timeout " + kMaster + " 3000\n");
    sentinels_.push_back(
        std::make_unique<Process>(std::vector<std::string>{"redis-server", file, "--sentinel"},
                                  dir_.path() + "/log-" + port));
  }
  const auto agreed = [&] {
    const std::string link = servers_.back()->Cli({"info", "replication"});
    if (link.find("master_link_status:up") == std::string::npos) return false;
    for (std::size_t i = 0; i < ports_.size(); ++i) {
      const std::string known = Ask(i, {"sentinel", "master", kMaster});
      if (known.find("num-slaves\n1\n") == std::string::npos ||
          known.find("num-other-sentinels\n2\n") == std::string::npos) {
        return false;
      }
    }
    return true;
  };
  if (!WaitFor(agreed, std::chrono::seconds(30))) {
    throw std::runtime_error("the sentinels do not agree: " + sentinels_[0]->Output());
  }
}

std::string RedisSentinels::sentinel_address(std::size_t index) const {
  return "127.0.0.1:" + std::to_string(ports_[index]);
}

std::string RedisSentinels::Ask(std::size_t sentinel,
                                const std::vector<std::string>& command) const {
  std::vector<std::string> argv = {"redis-cli", "-p", std::to_string(ports_[sentinel])};
  argv.insert(argv.end(), command.begin(), command.end());
  return RunCommand(argv).out;
}

RedisServer* RedisSentinels::Master() {
  for (std::size_t i = 0; i < sentinels_.size(); ++i) {
    if (!sentinels_[i]->Running()) continue;
    const std::string named = Trimmed(Ask(i, {"sentinel", "get-master-addr-by-name", kMaster}));
    for (const auto& server : servers_) {
      if (named == "127.0.0.1\n" + std::to_string(server->port())) return server.get();
    }
  }
  return nullptr;
}

void RedisSentinels::KillSentinel(std::size_t index) {
  sentinels_[index]->Signal(SIGKILL);
  sentinels_[index]->Wait();
}

}  // namespace stoker::testing
