#include "controller/warming/target/redis_target.h"

#include <utility>

#include "controller/warming/target/redis_nodes.h"
#include "controller/warming/target/redis_questions.h"

namespace stoker::warming {
namespace {

using Keys = std::vector<std::string_view>;
using PipelinePtr = std::shared_ptr<RedisPipeline>;
using NodesPtr = std::shared_ptr<RedisNodes>;

// ---- Where one server and several differ: how keys and memory are asked about ----

asio::awaitable<RedisNodes::Answers> AskAboutKeys(PipelinePtr server, Keys keys, std::size_t each,
                                                  RedisNodes::Question question,
                                                  SteadyTime deadline) {
  const auto batch = server->StartBatch(keys.size() * each);
  for (std::size_t i = 0; i < keys.size(); ++i) question(*server, i, false);
  co_await Pipeline::Answers(server, batch, deadline);
  if (batch->error) co_return tl::make_unexpected(std::move(*batch->error));
  co_return std::move(batch->answers);
}

asio::awaitable<RedisNodes::Answers> AskAboutKeys(NodesPtr nodes, Keys keys, std::size_t each,
                                                  RedisNodes::Question question,
                                                  SteadyTime deadline) {
  return RedisNodes::Ask(std::move(nodes), std::move(keys), each, std::move(question), deadline);
}

asio::awaitable<tl::expected<std::vector<Capacity>, TargetError>> MeasureMemory(
    PipelinePtr server, SteadyTime deadline) {
  const auto batch = server->StartBatch(2);
  AskCapacity(*server);
  co_await Pipeline::Answers(server, batch, deadline);
  if (batch->error) co_return tl::make_unexpected(CapacityError(std::move(*batch->error)));
  auto capacity = ToCapacity(server->where(), batch->answers[0], batch->answers[1]);
  if (!capacity) co_return tl::make_unexpected(std::move(capacity.error()));
  co_return std::vector<Capacity>{std::move(*capacity)};
}

asio::awaitable<tl::expected<std::vector<Capacity>, TargetError>> MeasureMemory(
    NodesPtr nodes, SteadyTime deadline) {
  return RedisNodes::Measure(std::move(nodes), deadline);
}

// ---- What they have in common. Coroutines take the servers along, not the target ----

template <class Servers>
asio::awaitable<tl::expected<std::vector<bool>, TargetError>> ProbeKeys(
    std::shared_ptr<Servers> servers, Keys keys, Millis at_least, SteadyTime deadline) {
  const auto answers = co_await AskAboutKeys(
      servers, keys, 1,
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

template <class Servers>
asio::awaitable<tl::expected<std::vector<Held>, TargetError>> ReadKeys(
    std::shared_ptr<Servers> servers, Keys keys, SteadyTime deadline) {
  auto answers = co_await AskAboutKeys(
      servers, keys, 2,
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

template <class Servers>  // RedisPipeline: one; RedisNodes: several
class RedisTarget final : public Target {
 public:
  explicit RedisTarget(std::shared_ptr<Servers> servers) : servers_(std::move(servers)) {}
  ~RedisTarget() override { servers_->Cancel(); }

  asio::awaitable<tl::expected<void, TargetError>> Open(SteadyTime deadline) override {
    return Servers::Open(servers_, deadline);
  }
  asio::awaitable<tl::expected<std::vector<bool>, TargetError>> Probe(
      const Keys& keys, Millis at_least, SteadyTime deadline) override {
    return ProbeKeys(servers_, keys, at_least, deadline);
  }
  [[nodiscard]] bool HasRoom() const override { return servers_->HasRoom(); }
  asio::awaitable<void> Writable() override { return Servers::Writable(servers_); }
  void Write(std::string_view key, std::string_view value, Millis ttl, bool if_absent,
             WriteDone done) override {
    servers_->Write(key, value, ttl, if_absent, std::move(done));
  }
  asio::awaitable<tl::expected<std::vector<Held>, TargetError>> Read(const Keys& keys,
                                                                     SteadyTime deadline) override {
    return ReadKeys(servers_, keys, deadline);
  }
  asio::awaitable<tl::expected<std::vector<Capacity>, TargetError>> Measure(
      SteadyTime deadline) override {
    return MeasureMemory(servers_, deadline);
  }
  void Cancel() override { servers_->Cancel(); }

 private:
  const std::shared_ptr<Servers> servers_;
};

std::unique_ptr<Target> OverNodes(asio::io_context& loop, std::shared_ptr<const EgressGuard> guard,
                                  const RedisOptions& options,
                                  std::shared_ptr<RedisTopology> topology) {
  return std::make_unique<RedisTarget<RedisNodes>>(
      std::make_shared<RedisNodes>(loop, std::move(guard), options, std::move(topology)));
}

}  // namespace

std::unique_ptr<Target> MakeRedisTarget(asio::io_context& loop,
                                        std::shared_ptr<const EgressGuard> guard,
                                        RedisOptions options) {
  return std::make_unique<RedisTarget<RedisPipeline>>(
      std::make_shared<RedisPipeline>(loop, std::move(guard), std::move(options)));
}

std::unique_ptr<Target> MakeRedisClusterTarget(asio::io_context& loop,
                                               std::shared_ptr<const EgressGuard> guard,
                                               const RedisOptions& options) {
  return OverNodes(loop, guard, options, MakeClusterTopology(loop, guard, options));
}

std::unique_ptr<Target> MakeRedisSentinelTarget(asio::io_context& loop,
                                                std::shared_ptr<const EgressGuard> guard,
                                                const RedisOptions& options,
                                                const std::string& master) {
  return OverNodes(loop, guard, options, MakeSentinelTopology(loop, guard, options, master));
}

}  // namespace stoker::warming
