#include "controller/warming/target/redis_reader.h"

#include <utility>

#include "controller/warming/target/redis_nodes.h"
#include "controller/warming/target/redis_questions.h"

namespace stoker::warming {
namespace {

using KeyAnswers = std::vector<Pipeline::Answer>;
using PipelineHandle = std::shared_ptr<RedisPipeline>;
using NodesHandle = std::shared_ptr<RedisNodes>;

asio::awaitable<KeyAnswers> AskEachKey(PipelineHandle server, RedisReader::Keys keys,
                                       std::size_t each, RedisNodes::Question question,
                                       SteadyTime deadline) {
  co_return co_await AskNodes(
      std::vector<std::shared_ptr<Pipeline>>(keys.size(), server), each,
      [&](Pipeline&, std::size_t i) { question(*server, i, false); }, deadline);
}

asio::awaitable<KeyAnswers> AskEachKey(NodesHandle nodes, RedisReader::Keys keys, std::size_t each,
                                       RedisNodes::Question question, SteadyTime deadline) {
  return RedisNodes::AskEach(std::move(nodes), std::move(keys), each, std::move(question),
                             deadline);
}

// Coroutines take the servers along, not the reader.
template <class Servers>
asio::awaitable<RedisReader::EachOf<std::size_t>> LengthsOf(std::shared_ptr<Servers> servers,
                                                            RedisReader::Keys keys,
                                                            SteadyTime deadline) {
  const KeyAnswers answers = co_await AskEachKey(
      servers, keys, 1,
      [&](RedisPipeline& node, std::size_t i, bool asking) { AskLength(node, keys[i], asking); },
      deadline);
  RedisReader::EachOf<std::size_t> lengths;
  lengths.reserve(keys.size());
  for (const Pipeline::Answer& answer : answers) {
    if (answer.error) {
      lengths.emplace_back(tl::make_unexpected(*answer.error));
    } else {
      lengths.emplace_back(static_cast<std::size_t>(answer.integer));
    }
  }
  co_return lengths;
}

template <class Servers>
asio::awaitable<RedisReader::EachOf<Held>> ValuesOf(std::shared_ptr<Servers> servers,
                                                    RedisReader::Keys keys, SteadyTime deadline) {
  KeyAnswers answers = co_await AskEachKey(
      servers, keys, 2,
      [&](RedisPipeline& node, std::size_t i, bool asking) { AskContent(node, keys[i], asking); },
      deadline);
  RedisReader::EachOf<Held> held;
  held.reserve(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    Pipeline::Answer& value = answers[2 * i];
    const Pipeline::Answer& ttl = answers[2 * i + 1];
    if (value.error || ttl.error) {
      held.emplace_back(tl::make_unexpected(value.error ? *value.error : *ttl.error));
    } else {
      held.emplace_back(ToHeld(value, ttl));
    }
  }
  co_return held;
}

template <class Servers>  // RedisPipeline: one; RedisNodes: several
class ReaderOver final : public RedisReader {
 public:
  explicit ReaderOver(std::shared_ptr<Servers> servers) : servers_(std::move(servers)) {}
  ~ReaderOver() override { servers_->Cancel(); }

  asio::awaitable<tl::expected<void, TargetError>> Open(SteadyTime deadline) override {
    return Servers::Open(servers_, deadline);
  }
  asio::awaitable<EachOf<std::size_t>> Lengths(Keys keys, SteadyTime deadline) override {
    return LengthsOf(servers_, std::move(keys), deadline);
  }
  asio::awaitable<EachOf<Held>> Values(Keys keys, SteadyTime deadline) override {
    return ValuesOf(servers_, std::move(keys), deadline);
  }
  void Cancel() override { servers_->Cancel(); }

 private:
  const std::shared_ptr<Servers> servers_;
};

}  // namespace

std::unique_ptr<RedisReader> MakeRedisReader(asio::io_context& loop,
                                             const std::shared_ptr<const EgressGuard>& guard,
                                             const RedisOptions& options,
                                             const api::RedisTarget& server) {
  if (server.mode == api::RedisTarget::Mode::kStandalone) {
    return std::make_unique<ReaderOver<RedisPipeline>>(
        std::make_shared<RedisPipeline>(loop, guard, options));
  }
  auto topology = server.mode == api::RedisTarget::Mode::kCluster
                      ? MakeClusterTopology(loop, guard, options)
                      : MakeSentinelTopology(loop, guard, options, server.master_name);
  return std::make_unique<ReaderOver<RedisNodes>>(
      std::make_shared<RedisNodes>(loop, guard, options, std::move(topology)));
}

}  // namespace stoker::warming
