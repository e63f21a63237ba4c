#pragma once

// Many small commands over one connection, which is dialled anew as needed. What the commands are
// is the business of a protocol that derives from this.
//
// Commands gather in one buffer. A write call goes out when the loop's turn ends, or as soon as a
// piece worth sending is there; so a thousand commands cost a few system calls, and no coroutine,
// allocation or timer each. Replies come in order, so a ring remembers who waits.
//
// One lazy timer guards the connection. Within reply_timeout the peer must come a step further: a
// whole reply, or kStep bytes taken from us or sent to us. So a large value takes the time that
// its link needs, and a peer that trickles, in whichever direction, is closed: less than kStep in
// reply_timeout (51 KiB/s by default) is too slow to wait for. What the kernel buffers counts as
// taken.
//
// Thread safety: one loop. Lifetime: shared by its own coroutines, which end soon after Cancel().
// Shutdown: Cancel() answers everything that waits before it returns; no callback runs later.

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/warming/net/connect.h"
#include "controller/warming/net/waiting.h"
#include "controller/warming/target/answers.h"
#include "controller/warming/target/pending_ring.h"
#include "controller/warming/target/receive_buffer.h"
#include "controller/warming/target/send_buffer.h"
#include "controller/warming/target/target.h"

namespace stoker::warming {

struct PipelineOptions {
  Endpoint endpoint;
  Millis reply_timeout{5'000};  // for the next step, not for all that is owed
  std::size_t max_pending_bytes = 4 << 20;
  std::size_t max_pending_commands = 8192;
  ResolverOptions resolver;
};

class Pipeline : public std::enable_shared_from_this<Pipeline> {
 public:
  static constexpr std::size_t kStep = 256 << 10;

  using Answer = PipelineAnswer;
  using Batch = PipelineBatch;

  Pipeline(asio::io_context& loop, std::shared_ptr<const EgressGuard> guard,
           PipelineOptions options);
  virtual ~Pipeline() = default;
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // Coroutines take the pipeline itself along, so that it lives as long as they.
  static asio::awaitable<tl::expected<void, TargetError>> Open(std::shared_ptr<Pipeline> self,
                                                               SteadyTime deadline);
  static asio::awaitable<void> Writable(std::shared_ptr<Pipeline> self);
  [[nodiscard]] bool HasRoom() const {
    return cancelled_ || (pending_.size() < options_.max_pending_commands &&
                          out_.size() + sending_bytes_ < options_.max_pending_bytes);
  }

  // A Probe or Read: StartBatch(), then the protocol's question exactly `count` times without a
  // wait between, then Flush() or at once Answers().
  std::shared_ptr<Batch> StartBatch(std::size_t count);
  void Flush() { SendSoon(); }
  static asio::awaitable<void> Answers(std::shared_ptr<Pipeline> self, std::shared_ptr<Batch> batch,
                                       SteadyTime deadline);

  void Cancel();
  [[nodiscard]] const std::string& where() const { return where_; }

 protected:
  struct Pending {            // a command that waits for its reply
    WriteDone done;           // of a write
    std::uint8_t expect = 0;  // the protocol's
  };

  // The first words on a fresh connection. None: it is ready.
  virtual asio::awaitable<std::optional<TargetError>> ShakeHands(Stream& stream) = 0;
  // Settles the reply at the front of received_, which TakePending() says whose it is, by
  // SettleWrite's like or SettleBatch().
  virtual ParseStatus TakeReply() = 0;
  // What a peer that answers kBad is.
  [[nodiscard]] virtual TargetError NotUnderstood() const = 0;

  // The command was added to out_.
  void Sent(WriteDone done, std::uint8_t expect) {
    pending_.Push({std::move(done), expect});
    SendSoon();
  }
  void Asked(std::uint8_t expect) { pending_.Push({nullptr, expect}); }
  // The oldest command that waits: its reply is here whole.
  Pending TakePending() {
    ++replies_;
    return pending_.Pop();
  }
  // The answer to the oldest question that waits.
  void SettleBatch(Answer answer);
  // Sees to it that what is in out_ gets sent.
  void SendSoon();

  const std::string where_;  // host:port
  bool cancelled_ = false;
  SendBuffer out_;  // what callers add
  ReceiveBuffer received_;
  PendingRing<Pending> pending_;

 private:
  enum class State { kIdle, kDialling, kReady };
  struct Opener {
    explicit Opener(asio::io_context& loop) : waiter(loop) {}
    Waiter waiter;
    std::optional<TargetError> error;
  };

  void EnsureDialling(SteadyTime deadline);
  static asio::awaitable<void> Serve(std::shared_ptr<Pipeline> self, SteadyTime deadline);
  asio::awaitable<TargetError> ReadReplies();
  // The peer came a step further: its time begins anew, unless it owes nothing.
  void Stepped();
  void Send();
  static asio::awaitable<void> SendRest(std::shared_ptr<Pipeline> self,
                                        std::shared_ptr<Stream> stream, std::size_t sent);
  void End(TargetError error);
  void FailAll(const TargetError& error);
  void WakeWriters();

  asio::io_context& loop_;
  const PipelineOptions options_;
  Connector connector_;
  State state_ = State::kIdle;
  std::uint64_t generation_ = 0;  // of connections: what was begun for an old one stops
  bool timed_out_ = false;
  std::shared_ptr<Stream> stream_;
  std::vector<std::shared_ptr<Opener>> openers_;
  Waiter backoff_wait_;
  Millis backoff_{0};
  SteadyTime not_before_{};

  SendBuffer sending_;  // what is being sent
  std::size_t sending_bytes_ = 0;
  bool send_posted_ = false;  // Send() runs when this turn of the loop ends
  std::string broken_why_;    // a failed send; the reader reports it

  // Whose questions are in pending_, in the same order.
  PendingRing<std::shared_ptr<Batch>> batches_;
  asio::steady_timer room_;  // never rings: cancelled when there is room
  LazyDeadline reply_deadline_;
  std::uint64_t replies_ = 0;  // whole ones, since ever
};

}  // namespace stoker::warming
