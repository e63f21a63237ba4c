#pragma once

// Many small commands over one connection, which is dialled anew as needed.
//
// Commands gather in one buffer. A write call goes out when the loop's turn ends, or as soon as a
// piece worth sending is there; so a thousand commands cost a few system calls, and no coroutine,
// allocation or timer each. Replies come in order, so a ring remembers who waits. One lazy timer
// guards the connection: it moves with every reply, and a peer that owes one for too long is
// closed.
//
// Thread safety: one loop. Lifetime: shared by its own coroutines, which end soon after Cancel().
// Shutdown: Cancel() answers everything that waits before it returns; no callback runs later.

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/warming/net/waiting.h"
#include "controller/warming/target/pending_ring.h"
#include "controller/warming/target/redis_target.h"
#include "controller/warming/target/reply_reader.h"
#include "controller/warming/target/resp.h"

namespace stoker::warming {

class RedisPipeline : public std::enable_shared_from_this<RedisPipeline> {
 public:
  struct Answer {
    std::int64_t integer = 0;
    std::optional<std::string> text;
    bool other_type = false;  // GET met a list, a set...
  };
  // The answers to the commands of one Probe or Read, in order.
  struct Batch {
    Batch(asio::io_context& loop, std::size_t count) : waiter(loop), left(count) {
      answers.reserve(count);
    }
    Waiter waiter;
    std::size_t left;
    std::vector<Answer> answers;
    std::optional<TargetError> error;
  };
  enum class Expect : std::uint8_t { kWritten, kWrittenOrPresent, kInteger, kText };

  RedisPipeline(asio::io_context& loop, std::shared_ptr<const EgressGuard> guard,
                RedisOptions options);

  // Coroutines take the pipeline itself along, so that it lives as long as they.
  static asio::awaitable<tl::expected<void, TargetError>> Open(std::shared_ptr<RedisPipeline> self,
                                                               SteadyTime deadline);
  static asio::awaitable<void> Writable(std::shared_ptr<RedisPipeline> self);
  [[nodiscard]] bool HasRoom() const {
    return cancelled_ || (pending_.size() < options_.max_pending_commands &&
                          out_.size() + sending_bytes_ < options_.max_pending_bytes);
  }
  void Write(std::string_view key, std::string_view value, Millis ttl, bool if_absent,
             WriteDone done);

  // A Probe or Read: StartBatch(), then Ask() exactly `count` times without a wait between, then
  // Answers().
  std::shared_ptr<Batch> StartBatch(std::size_t count);
  void Ask(std::initializer_list<std::string_view> command, Expect expect);
  static asio::awaitable<void> Answers(std::shared_ptr<RedisPipeline> self,
                                       std::shared_ptr<Batch> batch, SteadyTime deadline);

  void Cancel();

 private:
  enum class State { kIdle, kDialling, kReady };
  struct Opener {
    explicit Opener(asio::io_context& loop) : waiter(loop) {}
    Waiter waiter;
    std::optional<TargetError> error;
  };
  struct Pending {   // a command that waits for its reply
    WriteDone done;  // of a write
    Expect expect = Expect::kWritten;
  };

  void EnsureDialling(SteadyTime deadline);
  static asio::awaitable<void> Serve(std::shared_ptr<RedisPipeline> self, SteadyTime deadline);
  asio::awaitable<TargetError> ReadReplies();
  void Settle(const RespReply& reply);
  void SettleWrite(const WriteDone& done, Expect expect, const RespReply& reply) const;
  void SettleBatch(Expect expect, const RespReply& reply);
  void Replied();
  void SendSoon();
  void Send();
  static asio::awaitable<void> SendRest(std::shared_ptr<RedisPipeline> self,
                                        std::shared_ptr<Stream> stream, std::size_t sent);
  void End(TargetError error);
  void FailAll(const TargetError& error);
  void WakeWriters();

  // Constant after construction.
  asio::io_context& loop_;
  const RedisOptions options_;
  const std::string where_;

  Connector connector_;
  State state_ = State::kIdle;
  std::uint64_t generation_ = 0;  // of connections: what was begun for an old one stops
  bool cancelled_ = false;
  bool timed_out_ = false;
  std::shared_ptr<Stream> stream_;
  std::vector<std::shared_ptr<Opener>> openers_;
  Waiter backoff_wait_;
  Millis backoff_{0};
  SteadyTime not_before_{};

  RespWriter out_;      // what callers add
  RespWriter sending_;  // what is being sent
  std::size_t sending_bytes_ = 0;
  bool send_posted_ = false;  // Send() runs when this turn of the loop ends
  std::string broken_why_;    // a failed send; the reader reports it

  PendingRing<Pending> pending_;
  PendingRing<std::shared_ptr<Batch>>
      batches_;  // whose questions are in pending_, in the same order
  ReplyReader replies_;
  asio::steady_timer room_;  // never rings: cancelled when there is room
  LazyDeadline reply_deadline_;
};

}  // namespace stoker::warming
