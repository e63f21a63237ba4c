#include "controller/warming/target/memcached_target.h"

#include <algorithm>
#include <utility>

#include "controller/warming/target/ketama.h"
#include "controller/warming/target/memcached_pipeline.h"
#include "controller/warming/target/node_questions.h"
#include "controller/warming/target/stat_lines.h"
#include "controller/warming/target/target_errors.h"

namespace stoker::warming {
namespace {

using Nodes = std::vector<std::shared_ptr<Pipeline>>;
using Answers = std::vector<Pipeline::Answer>;

asio::awaitable<tl::expected<void, TargetError>> OpenServers(Nodes servers, SteadyTime deadline) {
  for (const auto& server : servers) {
    auto opened = co_await Pipeline::Open(server, deadline);
    if (!opened) co_return opened;
  }
  co_return tl::expected<void, TargetError>();
}

asio::awaitable<void> AllWritable(Nodes servers) {
  for (const auto& server : servers) co_await Pipeline::Writable(server);
}

asio::awaitable<tl::expected<Answers, TargetError>> AskServers(Nodes servers,
                                                               std::vector<std::string_view> keys,
                                                               bool with_ttl, bool with_value,
                                                               SteadyTime deadline) {
  Answers answers = co_await AskNodes(
      std::move(servers), 1,
      [&](Pipeline& server, std::size_t i) {
        static_cast<MemcachedPipeline&>(server).Ask(keys[i], with_ttl, with_value);
      },
      deadline);
  for (const Pipeline::Answer& answer : answers) {
    if (answer.error) co_return tl::make_unexpected(*answer.error);
  }
  co_return answers;
}

bool LastsFor(const Pipeline::Answer& answer, Millis at_least) {
  if (!answer.present || at_least.count() <= 0 || answer.integer < 0) return answer.present;
  return std::chrono::seconds(answer.integer) >= at_least;
}

tl::expected<Capacity, TargetError> MemcachedCapacity(const std::string& where,
                                                      const Pipeline::Answer& answer) {
  if (answer.error) {
    TargetError error = *answer.error;
    error.whole_target = true;
    return tl::make_unexpected(std::move(error));
  }
  const std::string stats = answer.text.value_or("");
  const auto used = NumberBehind(stats, "bytes ");
  const auto most = NumberBehind(stats, "limit_maxbytes ");
  const auto evicted = NumberBehind(stats, "evictions ");
  if (!used || !most || !evicted) {
    return tl::make_unexpected(
        TellsNoCapacity(where, "stats tells no bytes, limit_maxbytes or evictions"));
  }
  return Capacity{where, *used, *most, *evicted};
}

asio::awaitable<tl::expected<std::vector<Capacity>, TargetError>> MeasureServers(
    Nodes servers, SteadyTime deadline) {
  const Answers answers = co_await AskNodes(
      servers, 1,
      [](Pipeline& server, std::size_t) { static_cast<MemcachedPipeline&>(server).AskStats(); },
      deadline);
  std::vector<Capacity> capacities;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    auto capacity = MemcachedCapacity(servers[i]->where(), answers[i]);
    if (!capacity) co_return tl::make_unexpected(std::move(capacity.error()));
    capacities.push_back(std::move(*capacity));
  }
  co_return capacities;
}

class MemcachedTarget final : public Target {
 public:
  MemcachedTarget(Nodes servers, const std::vector<std::string>& names)
      : servers_(std::move(servers)), ring_(names) {}
  ~MemcachedTarget() override { Cancel(); }

  asio::awaitable<tl::expected<void, TargetError>> Open(SteadyTime deadline) override {
    return OpenServers(servers_, deadline);
  }

  asio::awaitable<tl::expected<std::vector<bool>, TargetError>> Probe(
      const std::vector<std::string_view>& keys, Millis at_least, SteadyTime deadline) override {
    const auto answers =
        co_await AskServers(ServersOf(keys), keys, at_least.count() > 0, false, deadline);
    if (!answers) co_return tl::make_unexpected(answers.error());
    std::vector<bool> present;
    present.reserve(keys.size());
    for (const Pipeline::Answer& answer : *answers) present.push_back(LastsFor(answer, at_least));
    co_return present;
  }

  [[nodiscard]] bool HasRoom() const override {
    return std::ranges::all_of(servers_, [](const auto& server) { return server->HasRoom(); });
  }
  asio::awaitable<void> Writable() override {
    if (servers_.size() == 1) return Pipeline::Writable(servers_.front());
    return AllWritable(servers_);
  }

  void Write(std::string_view key, std::string_view value, Millis ttl, bool if_absent,
             WriteDone done) override {
    static_cast<MemcachedPipeline&>(*ServerOf(key))
        .Write(key, value, ttl, if_absent, std::move(done));
  }

  asio::awaitable<tl::expected<std::vector<Held>, TargetError>> Read(
      const std::vector<std::string_view>& keys, SteadyTime deadline) override {
    auto answers = co_await AskServers(ServersOf(keys), keys, true, true, deadline);
    if (!answers) co_return tl::make_unexpected(answers.error());
    std::vector<Held> held(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      Pipeline::Answer& answer = (*answers)[i];
      held[i].present = answer.present;
      held[i].value = std::move(answer.text);
      if (answer.present && answer.integer >= 0) held[i].ttl = std::chrono::seconds(answer.integer);
    }
    co_return held;
  }

  asio::awaitable<tl::expected<std::vector<Capacity>, TargetError>> Measure(
      SteadyTime deadline) override {
    return MeasureServers(servers_, deadline);
  }

  void Cancel() override {
    for (const auto& server : servers_) server->Cancel();
  }

 private:
  [[nodiscard]] const std::shared_ptr<Pipeline>& ServerOf(std::string_view key) const {
    return servers_.size() == 1 ? servers_.front() : servers_[ring_.ServerOf(key)];
  }
  [[nodiscard]] Nodes ServersOf(const std::vector<std::string_view>& keys) const {
    Nodes servers;
    servers.reserve(keys.size());
    for (const std::string_view key : keys) servers.push_back(ServerOf(key));
    return servers;
  }

  const Nodes servers_;
  const Ketama ring_;
};

}  // namespace

std::unique_ptr<Target> MakeMemcachedTarget(asio::io_context& loop,
                                            std::shared_ptr<const EgressGuard> guard,
                                            const MemcachedOptions& options) {
  Nodes servers;
  std::vector<std::string> names;
  for (const MemcachedOptions::Server& server : options.servers) {
    PipelineOptions connection;
    connection.endpoint = server.endpoint;
    connection.reply_timeout = options.reply_timeout;
    connection.resolver = options.resolver;
    servers.push_back(std::make_shared<MemcachedPipeline>(loop, guard, std::move(connection)));
    names.push_back(server.name);
  }
  return std::make_unique<MemcachedTarget>(std::move(servers), names);
}

}  // namespace stoker::warming
