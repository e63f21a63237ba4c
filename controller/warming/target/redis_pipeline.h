#pragma once

// The commands of Redis, pipelined.
//
// Thread safety, lifetime, shutdown: as Pipeline.

#include <initializer_list>

#include "controller/warming/target/pipeline.h"
#include "controller/warming/target/redis_target.h"
#include "controller/warming/target/resp.h"

namespace stoker::warming {

class RedisPipeline final : public Pipeline {
 public:
  enum class Expect : std::uint8_t { kWritten, kWrittenOrPresent, kIgnored, kInteger, kText };

  RedisPipeline(asio::io_context& loop, std::shared_ptr<const EgressGuard> guard,
                RedisOptions options);

  void Write(std::string_view key, std::string_view value, Millis ttl, bool if_absent,
             WriteDone done);
  // A question of a batch, one that expects kInteger or kText.
  void Ask(std::initializer_list<std::string_view> command, Expect expect);
  // The next command, and that one alone, concerns a slot that is on its way to this node.
  void Asking();

 protected:
  asio::awaitable<std::optional<TargetError>> ShakeHands(Stream& stream) override;
  ParseStatus TakeReply() override;
  [[nodiscard]] TargetError NotUnderstood() const override;

 private:
  void SettleWrite(const WriteDone& done, Expect expect, const RespReply& reply) const;
  [[nodiscard]] Answer ToAnswer(Expect expect, const RespReply& reply) const;

  const RedisOptions options_;
};

}  // namespace stoker::warming
