#pragma once

// The commands of memcached, pipelined.
//
// Thread safety, lifetime, shutdown: as Pipeline.

#include "controller/warming/target/meta.h"
#include "controller/warming/target/pipeline.h"

namespace stoker::warming {

// What an error line of memcached means for one entry and for the run. `where` is "host:port".
TargetError FromMemcachedLine(std::string_view where, std::string_view line);

class MemcachedPipeline final : public Pipeline {
 public:
  using Pipeline::Pipeline;

  void Write(std::string_view key, std::string_view value, Millis ttl, bool if_absent,
             WriteDone done);
  // A question of a batch. Answer::present; integer: the seconds left (-1: no expiry), where asked
  // for. A key that cannot be stored is not there.
  void Ask(std::string_view key, bool with_ttl, bool with_value);
  // A question of a batch: all of `stats`, as lines "name value" in Answer::text.
  void AskStats();

 protected:
  asio::awaitable<std::optional<TargetError>> ShakeHands(Stream& stream) override;
  ParseStatus TakeReply() override;
  [[nodiscard]] TargetError NotUnderstood() const override;

 private:
  enum class Expect : std::uint8_t { kWritten, kWrittenOrPresent, kAnswer, kNothingThere, kStats };

  void SettleWrite(const WriteDone& done, Expect expect, const MetaReply& reply) const;
  [[nodiscard]] Answer ToAnswer(Expect expect, const MetaReply& reply) const;
  // True: more of them come.
  bool TakeStat(const MetaReply& reply);

  std::string stats_;  // those that have come of an answer
};

}  // namespace stoker::warming
