#include "controller/warming/target/redis_target.h"

#include <utility>

#include "controller/warming/target/redis_questions.h"

namespace stoker::warming {
namespace {

using PipelinePtr = std::shared_ptr<RedisPipeline>;
using Keys = std::vector<std::string_view>;

asio::awaitable<tl::expected<std::vector<bool>, TargetError>> ProbeKeys(PipelinePtr pipeline,
                                                                        Keys keys, Millis at_least,
                                                                        SteadyTime deadline) {
  const auto batch = pipeline->StartBatch(keys.size());
  for (const std::string_view key : keys) AskPresence(*pipeline, key, at_least);
  co_await Pipeline::Answers(pipeline, batch, deadline);
  if (batch->error) co_return tl::make_unexpected(std::move(*batch->error));
  std::vector<bool> present;
  present.reserve(keys.size());
  for (const Pipeline::Answer& answer : batch->answers) present.push_back(IsHeld(answer, at_least));
  co_return present;
}

asio::awaitable<tl::expected<std::vector<Held>, TargetError>> ReadKeys(PipelinePtr pipeline,
                                                                       Keys keys,
                                                                       SteadyTime deadline) {
  const auto batch = pipeline->StartBatch(keys.size() * 2);
  for (const std::string_view key : keys) AskContent(*pipeline, key);
  co_await Pipeline::Answers(pipeline, batch, deadline);
  if (batch->error) co_return tl::make_unexpected(std::move(*batch->error));
  std::vector<Held> held;
  held.reserve(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    held.push_back(ToHeld(batch->answers[2 * i], batch->answers[2 * i + 1]));
  }
  co_return held;
}

asio::awaitable<tl::expected<std::vector<Capacity>, TargetError>> MeasureServer(
    PipelinePtr pipeline, SteadyTime deadline) {
  const auto batch = pipeline->StartBatch(2);
  AskCapacity(*pipeline);
  co_await Pipeline::Answers(pipeline, batch, deadline);
  if (batch->error) co_return tl::make_unexpected(CapacityError(std::move(*batch->error)));
  co_return std::vector<Capacity>{
      ToCapacity(pipeline->where(), batch->answers[0], batch->answers[1])};
}

class RedisTarget final : public Target {
 public:
  explicit RedisTarget(PipelinePtr pipeline) : pipeline_(std::move(pipeline)) {}
  ~RedisTarget() override { pipeline_->Cancel(); }

  asio::awaitable<tl::expected<void, TargetError>> Open(SteadyTime deadline) override {
    return Pipeline::Open(pipeline_, deadline);
  }
  asio::awaitable<tl::expected<std::vector<bool>, TargetError>> Probe(
      const std::vector<std::string_view>& keys, Millis at_least, SteadyTime deadline) override {
    return ProbeKeys(pipeline_, keys, at_least, deadline);
  }
  asio::awaitable<void> Writable() override { return Pipeline::Writable(pipeline_); }
  void Write(std::string_view key, std::string_view value, Millis ttl, bool if_absent,
             WriteDone done) override {
    pipeline_->Write(key, value, ttl, if_absent, std::move(done));
  }
  asio::awaitable<tl::expected<std::vector<Held>, TargetError>> Read(
      const std::vector<std::string_view>& keys, SteadyTime deadline) override {
    return ReadKeys(pipeline_, keys, deadline);
  }
  asio::awaitable<tl::expected<std::vector<Capacity>, TargetError>> Measure(
      SteadyTime deadline) override {
    return MeasureServer(pipeline_, deadline);
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
