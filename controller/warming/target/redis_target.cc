#include "controller/warming/target/redis_target.h"

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/post.hpp>
#include <cstring>
#include <utility>

#include "controller/warming/net/waiting.h"
#include "controller/warming/target/pending_ring.h"
#include "controller/warming/target/redis_errors.h"
#include "controller/warming/target/resp.h"

namespace stoker::warming {
namespace {

constexpr std::size_t kReadBuffer = 64 << 10;
constexpr std::size_t kLargestValue = std::size_t{512} << 20;  // proto-max-bulk-len's default
constexpr Millis kFirstBackoff{50};
constexpr Millis kLongestBackoff{2'000};

SteadyTime Now() { return std::chrono::steady_clock::now(); }

TargetError MakeError(std::string reason, std::string message, bool retryable) {
  return {std::move(reason), std::move(message), retryable, true};
}

// One connection, dialled anew as needed, with its pipeline. Shared by its own coroutines: they end when
// Cancel() closes the stream.
class RedisPipeline : public std::enable_shared_from_this<RedisPipeline> {
 public:
  RedisPipeline(asio::io_context& loop, std::shared_ptr<const EgressGuard> guard, RedisOptions options)
      : loop_(loop), options_(std::move(options)), connector_(loop, std::move(guard), options_.resolver),
        where_(options_.endpoint.host + ":" + options_.endpoint.port), room_(loop),
        reply_deadline_(loop, [this] { OnReplyTimeout(); }) {
    room_.expires_at(SteadyTime::max());
  }

  asio::awaitable<tl::expected<void, TargetError>> Open(SteadyTime deadline) {
    const auto self = shared_from_this();
    if (state_ == State::kReady) co_return tl::expected<void, TargetError>();
    auto batch = std::make_shared<Batch>(loop_, 0);
    openers_.push_back(batch);  // first: a refused address fails before EnsureDialling() returns
    EnsureDialling(deadline);
    if (state_ == State::kDialling) co_await batch->waiter.Wait(deadline);
    if (batch->error) co_return tl::make_unexpected(std::move(*batch->error));
    if (state_ != State::kReady) co_return tl::make_unexpected(Late());
    co_return tl::expected<void, TargetError>();
  }

  asio::awaitable<tl::expected<std::vector<bool>, TargetError>> Probe(
      std::vector<std::string_view> keys, SteadyTime deadline) {
    const auto self = shared_from_this();
    auto batch = std::make_shared<Batch>(loop_, keys.size());
    for (const std::string_view key : keys) Ask({"EXISTS", key}, batch);
    co_await Await(batch, deadline);
    if (batch->error) co_return tl::make_unexpected(std::move(*batch->error));
    std::vector<bool> present;
    present.reserve(keys.size());
    for (const Answer& answer : batch->answers) present.push_back(answer.integer > 0);
    co_return present;
  }

  asio::awaitable<tl::expected<std::vector<Held>, TargetError>> Read(
      std::vector<std::string_view> keys, SteadyTime deadline) {
    const auto self = shared_from_this();
    auto batch = std::make_shared<Batch>(loop_, keys.size() * 2);
    for (const std::string_view key : keys) {
      Ask({"GET", key}, batch);
      Ask({"PTTL", key}, batch);
    }
    co_await Await(batch, deadline);
    if (batch->error) co_return tl::make_unexpected(std::move(*batch->error));
    std::vector<Held> held(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      Answer& get = batch->answers[2 * i];
      const std::int64_t ttl = batch->answers[2 * i + 1].integer;
      held[i].present = get.text.has_value() || get.other_type;
      if (held[i].present && ttl >= 0) held[i].ttl = Millis(ttl);
      held[i].value = std::move(get.text);
    }
    co_return held;
  }

  [[nodiscard]] bool HasRoom() const {
    return cancelled_ || (pending_.size() < options_.max_pending_commands &&
                          out_.size() + sending_bytes_ < options_.max_pending_bytes);
  }

  asio::awaitable<void> Writable() {
    const auto self = shared_from_this();
    while (!HasRoom()) {
      std::error_code ignored;
      co_await room_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
  }

  void Write(std::string_view key, std::string_view value, Millis ttl, bool if_absent, WriteDone done) {
    if (cancelled_) return done(tl::make_unexpected(CancelledError()));
    if (value.size() > kLargestValue || key.size() > kLargestValue) {
      return done(tl::make_unexpected(TargetError{
          "ValueTooLarge", where_ + ": Redis takes keys and values up to 512 MiB", false, false}));
    }
    out_.Set(key, value, ttl.count(), if_absent);
    pending_.Push({std::move(done), nullptr, if_absent});
    Kick();
  }

  void Cancel() {
    cancelled_ = true;
    connector_.Cancel();
    backoff_wait_.Cancel();
    if (stream_) stream_->Close();
    FailAll(CancelledError());
  }

 private:
  enum class State { kIdle, kDialling, kReady };
  struct Answer {
    std::int64_t integer = 0;
    std::optional<std::string> text;
    bool other_type = false;
  };
  // The replies of one Probe, Read or handshake.
  struct Batch {
    Batch(asio::io_context& loop, std::size_t count) : waiter(loop), left(count) { answers.reserve(count); }
    Waiter waiter;
    std::size_t left;
    std::vector<Answer> answers;
    std::optional<TargetError> error;
  };
  struct Pending {  // a command that waits for its reply: a write, or part of a batch
    WriteDone done;
    std::shared_ptr<Batch> batch;
    bool if_absent = false;
  };

  TargetError CancelledError() const { return MakeError("Cancelled", where_ + ": cancelled", false); }
  TargetError Late() const {
    return MakeError("TargetTimeout", where_ + " did not answer in time", true);
  }

  void Ask(std::initializer_list<std::string_view> command, const std::shared_ptr<Batch>& batch) {
    out_.Command(command);
    pending_.Push({nullptr, batch, false});
  }

  asio::awaitable<void> Await(std::shared_ptr<Batch> batch, SteadyTime deadline) {
    if (batch->left == 0) co_return;
    if (cancelled_) {
      FailAll(CancelledError());
      co_return;
    }
    Kick();
    co_await batch->waiter.Wait(deadline);
    if (!batch->waiter.finished() && !batch->error) batch->error = Late();
  }

  // Sees to it that what is in out_ gets sent, at the end of this turn of the loop.
  void Kick() {
    if (state_ == State::kReady) {
      if (!flushing_) {
        flushing_ = true;
        // Posted: on this loop co_spawn would begin at once, and send each command by itself.
        asio::post(loop_, [self = shared_from_this(), mine = generation_] {
          if (mine == self->generation_) {
            asio::co_spawn(self->loop_, self->Flush(self), asio::detached);
          }
        });
      }
      return;
    }
    EnsureDialling(SteadyTime::max());
  }

  void EnsureDialling(SteadyTime deadline) {
    if (state_ != State::kIdle || cancelled_) return;
    state_ = State::kDialling;
    asio::co_spawn(loop_, Serve(shared_from_this(), deadline), asio::detached);
  }

  asio::awaitable<void> Flush(std::shared_ptr<RedisPipeline> self) {
    const std::shared_ptr<Stream> stream = stream_;
    const std::uint64_t mine = generation_;
    RespWriter sending;
    sending.Swap(spare_);
    while (mine == generation_ && state_ == State::kReady && !out_.empty()) {
      sending.Clear();
      sending.Swap(out_);
      sending_bytes_ = sending.size();
      if (!reply_deadline_.IsSet()) reply_deadline_.Set(Now() + options_.reply_timeout);
      Status sent = co_await stream->WriteAll(sending.view());
      if (mine != generation_) co_return;
      sending_bytes_ = 0;
      WakeWriters();
      if (sent) continue;
      broken_why_ = std::move(sent.error().message);
      stream->Close();  // the reader notices, and fails what was sent
      break;
    }
    if (mine != generation_) co_return;
    flushing_ = false;
    sending.Clear();
    spare_.Swap(sending);
  }

  // The life of one connection: back-off, dial, handshake, replies, end.
  asio::awaitable<void> Serve(std::shared_ptr<RedisPipeline> self, SteadyTime deadline) {
    if (not_before_ > Now()) co_await backoff_wait_.Wait(std::min(not_before_, deadline));
    const SteadyTime dial_deadline = std::min(deadline, Now() + options_.reply_timeout);
    ConnectResult connected = co_await connector_.Connect(options_.endpoint, dial_deadline);
    if (!connected) co_return End(FromConnect(connected.error()));
    if (cancelled_) co_return End(CancelledError());
    stream_ = std::move(*connected);
    std::optional<TargetError> refused = co_await Handshake(dial_deadline);
    if (refused) co_return End(cancelled_ ? CancelledError() : std::move(*refused));
    state_ = State::kReady;
    backoff_ = Millis(0);
    for (const auto& opener : std::exchange(openers_, {})) opener->waiter.Finish();
    if (!out_.empty()) Kick();
    TargetError why = co_await ReadReplies();
    End(cancelled_ ? CancelledError() : std::move(why));
  }

  void End(TargetError error) {
    ++generation_;
    if (stream_) stream_->Close();
    stream_ = nullptr;
    reply_deadline_.Clear();
    flushing_ = false;
    timed_out_ = false;
    broken_why_.clear();
    sending_bytes_ = 0;
    held_ = 0;
    state_ = State::kIdle;
    backoff_ = std::clamp(backoff_ * 2, kFirstBackoff, kLongestBackoff);
    not_before_ = Now() + backoff_;
    FailAll(error);
  }

  void FailAll(const TargetError& error) {
    out_.Clear();
    for (const auto& opener : std::exchange(openers_, {})) {
      opener->error = error;
      opener->waiter.Finish();
    }
    // A callback may write again: what it adds belongs to the next connection.
    PendingRing<Pending> failed;
    failed.Swap(pending_);
    while (!failed.empty()) {
      Pending command = failed.Pop();
      if (command.batch) {
        if (!command.batch->error) command.batch->error = error;
        command.batch->waiter.Finish();
      } else {
        command.done(tl::make_unexpected(error));
      }
    }
    WakeWriters();
  }

  void WakeWriters() {
    if (HasRoom()) room_.cancel();
  }

  void OnReplyTimeout() {
    timed_out_ = true;
    if (stream_) stream_->Close();
  }

  TargetError Broken(std::string message) const {
    if (timed_out_) return Late();
    if (!broken_why_.empty()) message = broken_why_;
    return MakeError("TargetUnavailable", std::move(message), true);
  }

  asio::awaitable<std::optional<TargetError>> Handshake(SteadyTime deadline) {
    RespWriter hello;
    std::size_t expected = 0;
    if (!options_.password.empty()) {
      if (options_.username.empty()) {
        hello.Command({"AUTH", options_.password});
      } else {
        hello.Command({"AUTH", options_.username, options_.password});
      }
      ++expected;
    }
    if (options_.database != 0) {
      hello.Command({"SELECT", std::to_string(options_.database)});
      ++expected;
    }
    hello.Command({"EXISTS", "stoker"});  // tells now whether the server is loading, or wants a password
    ++expected;
    reply_deadline_.Set(deadline);
    if (Status sent = co_await stream_->WriteAll(hello.view()); !sent) {
      co_return Broken(std::move(sent.error().message));
    }
    while (expected > 0) {
      RespReply reply;
      std::size_t used = 0;
      const RespStatus status = ParseReply({in_.get(), held_}, limits_, reply, used);
      if (status == RespStatus::kBad) co_return NotRedis();
      if (status == RespStatus::kOk) {
        --expected;
        // The probe's own permission is not what we need: only AUTH and SELECT must succeed there.
        const bool harmless = expected == 0 && reply.type == RespReply::Type::kError &&
                              reply.text.substr(0, 6) == "NOPERM";
        if (reply.type == RespReply::Type::kError && !harmless) {
          co_return FromRedisReply(where_, reply.text);
        }
        Consume(used);
        continue;
      }
      if (auto failed = co_await Fill(used)) co_return failed;
    }
    reply_deadline_.Clear();
    co_return std::nullopt;
  }

  TargetError NotRedis() const {
    return MakeError("TargetRejected", where_ + " does not speak the Redis protocol", false);
  }

  void Consume(std::size_t used) {
    held_ -= used;
    if (held_ > 0) std::memmove(in_.get(), in_.get() + used, held_);
  }

  // Reads once more, after making room for a reply of `needed` bytes.
  asio::awaitable<std::optional<TargetError>> Fill(std::size_t needed) {
    const std::size_t want = std::max(needed, kReadBuffer);
    if (capacity_ < want || held_ == capacity_) {
      // Grows with what has come, not with what a length promises.
      const std::size_t bigger = std::max(kReadBuffer, std::min(want, 2 * std::max(held_, kReadBuffer)));
      if (bigger > capacity_) {
        std::unique_ptr<char[]> grown(new char[bigger]);
        if (held_ > 0) std::memcpy(grown.get(), in_.get(), held_);
        in_ = std::move(grown);
        capacity_ = bigger;
      }
    }
    const std::shared_ptr<Stream> stream = stream_;
    Result<std::size_t> got = co_await stream->ReadSome(in_.get() + held_, capacity_ - held_);
    if (!got) co_return Broken(std::move(got.error().message));
    if (*got == 0) co_return Broken(where_ + " closed the connection");
    held_ += *got;
    co_return std::nullopt;
  }

  asio::awaitable<TargetError> ReadReplies() {
    for (;;) {
      std::size_t at = 0;
      std::size_t used = 0;
      RespStatus status = RespStatus::kMore;
      for (;;) {
        RespReply reply;
        status = ParseReply({in_.get() + at, held_ - at}, limits_, reply, used);
        if (status != RespStatus::kOk) break;
        at += used;
        if (pending_.empty() || reply.type == RespReply::Type::kArray) co_return NotRedis();
        Settle(pending_.Pop(), reply);
        if (cancelled_) co_return CancelledError();
      }
      if (status == RespStatus::kBad) co_return NotRedis();
      if (at > 0) {
        Consume(at);
        if (pending_.empty()) {
          reply_deadline_.Clear();
        } else {
          reply_deadline_.Set(Now() + options_.reply_timeout);
        }
        WakeWriters();
      }
      if (auto failed = co_await Fill(used)) co_return std::move(*failed);
    }
  }

  void Settle(Pending command, const RespReply& reply) {
    if (command.batch) return SettleBatch(*command.batch, reply);
    switch (reply.type) {
      case RespReply::Type::kSimple: return command.done(WriteOutcome::kWritten);
      case RespReply::Type::kNil: return command.done(WriteOutcome::kPresent);
      case RespReply::Type::kError:
        return command.done(tl::make_unexpected(FromRedisReply(where_, reply.text)));
      default: return command.done(tl::make_unexpected(NotRedis()));
    }
  }

  void SettleBatch(Batch& batch, const RespReply& reply) {
    Answer answer;
    if (reply.type == RespReply::Type::kInteger) answer.integer = reply.integer;
    if (reply.type == RespReply::Type::kBulk) answer.text = std::string(reply.text);
    if (reply.type == RespReply::Type::kError) {
      answer.other_type = reply.text.substr(0, 9) == "WRONGTYPE";
      if (!answer.other_type && !batch.error) batch.error = FromRedisReply(where_, reply.text);
    }
    batch.answers.push_back(std::move(answer));
    if (--batch.left == 0) batch.waiter.Finish();
  }

  // Constant after construction.
  asio::io_context& loop_;
  const RedisOptions options_;
  Connector connector_;
  const std::string where_;
  const RespLimits limits_;

  State state_ = State::kIdle;
  std::uint64_t generation_ = 0;  // of connections: a Flush of an old one stops
  bool cancelled_ = false;
  bool flushing_ = false;
  bool timed_out_ = false;
  std::shared_ptr<Stream> stream_;
  std::string broken_why_;
  RespWriter out_, spare_;  // filled by callers; memory for the next flush
  std::size_t sending_bytes_ = 0;
  PendingRing<Pending> pending_;
  std::unique_ptr<char[]> in_;
  std::size_t held_ = 0, capacity_ = 0;
  asio::steady_timer room_;  // never rings: cancelled when there is room
  LazyDeadline reply_deadline_;
  Waiter backoff_wait_{loop_};
  Millis backoff_{0};
  SteadyTime not_before_{};
  std::vector<std::shared_ptr<Batch>> openers_;
};

class RedisTarget final : public Target {
 public:
  explicit RedisTarget(std::shared_ptr<RedisPipeline> pipeline) : pipeline_(std::move(pipeline)) {}
  ~RedisTarget() override { pipeline_->Cancel(); }

  asio::awaitable<tl::expected<void, TargetError>> Open(SteadyTime deadline) override {
    return pipeline_->Open(deadline);
  }
  asio::awaitable<tl::expected<std::vector<bool>, TargetError>> Probe(
      const std::vector<std::string_view>& keys, SteadyTime deadline) override {
    return pipeline_->Probe(keys, deadline);
  }
  asio::awaitable<void> Writable() override { return pipeline_->Writable(); }
  void Write(std::string_view key, std::string_view value, Millis ttl, bool if_absent,
             WriteDone done) override {
    pipeline_->Write(key, value, ttl, if_absent, std::move(done));
  }
  asio::awaitable<tl::expected<std::vector<Held>, TargetError>> Read(
      const std::vector<std::string_view>& keys, SteadyTime deadline) override {
    return pipeline_->Read(keys, deadline);
  }
  void Cancel() override { pipeline_->Cancel(); }

 private:
  const std::shared_ptr<RedisPipeline> pipeline_;
};

}  // namespace

std::unique_ptr<Target> MakeRedisTarget(asio::io_context& loop, std::shared_ptr<const EgressGuard> guard,
                                        RedisOptions options) {
  return std::make_unique<RedisTarget>(
      std::make_shared<RedisPipeline>(loop, std::move(guard), std::move(options)));
}

}  // namespace stoker::warming
