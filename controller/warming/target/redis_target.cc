#include "controller/warming/target/redis_target.h"

#include <utility>

#include "controller/warming/target/redis_pipeline.h"

namespace stoker::warming {
namespace {

using Expect = RedisPipeline::Expect;
using PipelinePtr = std::shared_ptr<RedisPipeline>;
using Keys = std::vector<std::string_view>;

asio::awaitable<tl::expected<std::vector<bool>, TargetError>> ProbeKeys(PipelinePtr pipeline,
                                                                        Keys keys,
                                                                        SteadyTime deadline) {
  const auto batch = pipeline->StartBatch(keys.size());
  for (const std::string_view key : keys) pipeline->Ask({"EXISTS", key}, Expect::kInteger);
  co_await RedisPipeline::Answers(pipeline, batch, deadline);
  if (batch->error) co_return tl::make_unexpected(std::move(*batch->error));
  std::vector<bool> present;
  present.reserve(keys.size());
  for (const RedisPipeline::Answer& answer : batch->answers) present.push_back(answer.integer > 0);
  co_return present;
}

asio::awaitable<tl::expected<std::vector<Held>, TargetError>> ReadKeys(PipelinePtr pipeline,
                                                                       Keys keys,
                                                                       SteadyTime deadline) {
  const auto batch = pipeline->StartBatch(keys.size() * 2);
  for (const std::string_view key : keys) {
    pipeline->Ask({"GET", key}, Expect::kText);
    pipeline->Ask({"PTTL", key}, Expect::kInteger);
  }
  co_await RedisPipeline::Answers(pipeline, batch, deadline);
  if (batch->error) co_return tl::make_unexpected(std::move(*batch->error));
  std::vector<Held> held(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    RedisPipeline::Answer& get = batch->answers[2 * i];
    const std::int64_t ttl = batch->answers[2 * i + 1].integer;
    held[i].present = get.text.has_value() || get.other_type;
    if (held[i].present && ttl >= 0) held[i].ttl = Millis(ttl);
    held[i].value = std::move(get.text);
  }
  co_return held;
}

class RedisTarget final : public Target {
 public:
  explicit RedisTarget(PipelinePtr pipeline) : pipeline_(std::move(pipeline)) {}
  ~RedisTarget() override { pipeline_->Cancel(); }

  asio::awaitable<tl::expected<void, TargetError>> Open(SteadyTime deadline) override {
    return RedisPipeline::Open(pipeline_, deadline);
  }
  asio::awaitable<tl::expected<std::vector<bool>, TargetError>> Probe(
      const std::vector<std::string_view>& keys, SteadyTime deadline) override {
    return ProbeKeys(pipeline_, keys, deadline);
  }
  asio::awaitable<void> Writable() override { return RedisPipeline::Writable(pipeline_); }
  void Write(std::string_view key, std::string_view value, Millis ttl, bool if_absent,
             WriteDone done) override {
    pipeline_->Write(key, value, ttl, if_absent, std::move(done));
  }
  asio::awaitable<tl::expected<std::vector<Held>, TargetError>> Read(
      const std::vector<std::string_view>& keys, SteadyTime deadline) override {
    return ReadKeys(pipeline_, keys, deadline);
  }
  void Cancel() override { pipeline_->Cancel(); }

 private:
  const PipelinePtr pipeline_;
};

}  // namespace

std::unique_ptr<Target> MakeRedisTarget(asio::io_context& loop,
                                        std::shared_ptr<const EgressGuard> guard,
                                        RedisOptions options) {
  return std::make_unique<RedisTarget>(
      std::make_shared<RedisPipeline>(loop, std::move(guard), std::move(options)));
}

}  // namespace stoker::warming
