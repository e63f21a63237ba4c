// Redis Cluster, and a master that sentinels name, as targets.
#include <utility>

#include "controller/warming/target/redis_nodes.h"
#include "controller/warming/target/redis_questions.h"

namespace stoker::warming {
namespace {

using NodesPtr = std::shared_ptr<RedisNodes>;
using NodeKeys = std::vector<std::string_view>;

asio::awaitable<tl::expected<std::vector<bool>, TargetError>> ProbeNodes(NodesPtr nodes,
                                                                         NodeKeys keys,
                                                                         Millis at_least,
                                                                         SteadyTime deadline) {
  const auto answers = co_await RedisNodes::Ask(
      nodes, keys, 1,
      [&](RedisPipeline& node, std::size_t i, bool asking) {
        AskPresence(node, keys[i], at_least, asking);
      },
      deadline);
  if (!answers) co_return tl::make_unexpected(answers.error());
  std::vector<bool> present;
  present.reserve(keys.size());
  for (const Pipeline::Answer& answer : *answers) present.push_back(IsHeld(answer, at_least));
  co_return present;
}

asio::awaitable<tl::expected<std::vector<Held>, TargetError>> ReadNodes(NodesPtr nodes,
                                                                        NodeKeys keys,
                                                                        SteadyTime deadline) {
  auto answers = co_await RedisNodes::Ask(
      nodes, keys, 2,
      [&](RedisPipeline& node, std::size_t i, bool asking) { AskContent(node, keys[i], asking); },
      deadline);
  if (!answers) co_return tl::make_unexpected(answers.error());
  std::vector<Held> held;
  held.reserve(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    held.push_back(ToHeld((*answers)[2 * i], (*answers)[2 * i + 1]));
  }
  co_return held;
}

class RedisNodesTarget final : public Target {
 public:
  explicit RedisNodesTarget(NodesPtr nodes) : nodes_(std::move(nodes)) {}
  ~RedisNodesTarget() override { nodes_->Cancel(); }

  asio::awaitable<tl::expected<void, TargetError>> Open(SteadyTime deadline) override {
    return RedisNodes::Open(nodes_, deadline);
  }
  asio::awaitable<tl::expected<std::vector<bool>, TargetError>> Probe(
      const std::vector<std::string_view>& keys, Millis at_least, SteadyTime deadline) override {
    return ProbeNodes(nodes_, keys, at_least, deadline);
  }
  asio::awaitable<void> Writable() override { return RedisNodes::Writable(nodes_); }
  void Write(std::string_view key, std::string_view value, Millis ttl, bool if_absent,
             WriteDone done) override {
    nodes_->Write(key, value, ttl, if_absent, std::move(done));
  }
  asio::awaitable<tl::expected<std::vector<Held>, TargetError>> Read(
      const std::vector<std::string_view>& keys, SteadyTime deadline) override {
    return ReadNodes(nodes_, keys, deadline);
  }
  asio::awaitable<tl::expected<std::vector<Capacity>, TargetError>> Measure(
      SteadyTime deadline) override {
    return RedisNodes::Measure(nodes_, deadline);
  }
  void Cancel() override { nodes_->Cancel(); }

 private:
  const NodesPtr nodes_;
};

}  // namespace

std::unique_ptr<Target> MakeRedisClusterTarget(asio::io_context& loop,
                                               std::shared_ptr<const EgressGuard> guard,
                                               const RedisOptions& options) {
  auto topology = MakeClusterTopology(loop, guard, options);
  return std::make_unique<RedisNodesTarget>(
      std::make_shared<RedisNodes>(loop, std::move(guard), options, std::move(topology)));
}

std::unique_ptr<Target> MakeRedisSentinelTarget(asio::io_context& loop,
                                                std::shared_ptr<const EgressGuard> guard,
                                                const RedisOptions& options,
                                                const std::string& master) {
  auto topology = MakeSentinelTopology(loop, guard, options, master);
  return std::make_unique<RedisNodesTarget>(
      std::make_shared<RedisNodes>(loop, std::move(guard), options, std::move(topology)));
}

}  // namespace stoker::warming
