#include "controller/warming/target/redis_pipeline.h"

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/post.hpp>
#include <utility>

#include "controller/warming/target/redis_errors.h"
#include "controller/warming/target/redis_handshake.h"

namespace stoker::warming {
namespace {

constexpr std::size_t kWorthSending = 128
                                      << 10;  // still in the core's cache when the kernel copies it
constexpr std::size_t kLargestText = std::size_t{512} << 20;  // the default of proto-max-bulk-len
constexpr Millis kFirstBackoff{50};
constexpr Millis kLongestBackoff{2'000};

SteadyTime Now() { return std::chrono::steady_clock::now(); }

}  // namespace

RedisPipeline::RedisPipeline(asio::io_context& loop, std::shared_ptr<const EgressGuard> guard,
                             RedisOptions options)
    : loop_(loop),
      options_(std::move(options)),
      where_(options_.endpoint.host + ":" + options_.endpoint.port),
      connector_(loop, std::move(guard), options_.resolver),
      backoff_wait_(loop),
      room_(loop),
      reply_deadline_(loop, [this] {
        timed_out_ = true;
        if (stream_) stream_->Close();
      }) {
  room_.expires_at(SteadyTime::max());
}

// ---- What callers ask for ----

asio::awaitable<tl::expected<void, TargetError>> RedisPipeline::Open(
    std::shared_ptr<RedisPipeline> self, SteadyTime deadline) {
  if (self->cancelled_) co_return tl::make_unexpected(TargetCancelled(self->where_));
  if (self->state_ == State::kReady) co_return tl::expected<void, TargetError>();
  const auto opener = std::make_shared<Opener>(self->loop_);
  self->openers_.push_back(
      opener);  // first: a refused address fails before EnsureDialling() returns
  self->EnsureDialling(deadline);
  co_await opener->waiter.Wait(deadline);
  if (opener->error) co_return tl::make_unexpected(std::move(*opener->error));
  if (!opener->waiter.finished()) {
    std::erase(self->openers_, opener);
    co_return tl::make_unexpected(NoAnswerInTime(self->where_));
  }
  co_return tl::expected<void, TargetError>();
}

asio::awaitable<void> RedisPipeline::Writable(std::shared_ptr<RedisPipeline> self) {
  while (!self->HasRoom()) {
    std::error_code ignored;
    co_await self->room_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

void RedisPipeline::Write(std::string_view key, std::string_view value, Millis ttl, bool if_absent,
                          WriteDone done) {
  if (cancelled_) return done(tl::make_unexpected(TargetCancelled(where_)));
  if (key.size() > kLargestText || value.size() > kLargestText) {
    return done(tl::make_unexpected(TargetError{
        "ValueTooLarge", where_ + ": Redis takes keys and values up to 512 MiB", false, false}));
  }
  out_.Set(key, value, ttl.count(), if_absent);
  pending_.Push({std::move(done), if_absent ? Expect::kWrittenOrPresent : Expect::kWritten});
  SendSoon();
}

std::shared_ptr<RedisPipeline::Batch> RedisPipeline::StartBatch(std::size_t count) {
  auto batch = std::make_shared<Batch>(loop_, count);
  if (cancelled_) batch->error = TargetCancelled(where_);
  if (!cancelled_ && count > 0) batches_.Push(batch);
  return batch;
}

void RedisPipeline::Ask(std::initializer_list<std::string_view> command, Expect expect) {
  if (cancelled_) return;
  out_.Command(command);
  pending_.Push({nullptr, expect});
}

asio::awaitable<void> RedisPipeline::Answers(std::shared_ptr<RedisPipeline> self,
                                             std::shared_ptr<Batch> batch, SteadyTime deadline) {
  if (batch->error || batch->left == 0) co_return;
  self->SendSoon();
  co_await batch->waiter.Wait(deadline);
  if (!batch->waiter.finished() && !batch->error) batch->error = NoAnswerInTime(self->where_);
}

void RedisPipeline::Cancel() {
  cancelled_ = true;
  connector_.Cancel();
  backoff_wait_.Cancel();
  reply_deadline_.Stop();
  if (stream_) stream_->Close();
  FailAll(TargetCancelled(where_));
}

// ---- Sending ----

// Sees to it that what is in out_ gets sent: now, when it is much, or at the end of this turn of
// the loop.
void RedisPipeline::SendSoon() {
  if (state_ != State::kReady) return EnsureDialling(SteadyTime::max());
  if (sending_bytes_ > 0) return;  // SendRest() goes on with it
  if (out_.size() >= kWorthSending) return Send();
  if (send_posted_) return;
  send_posted_ = true;
  asio::post(loop_, [self = shared_from_this()] {
    self->send_posted_ = false;
    if (self->state_ == State::kReady && self->sending_bytes_ == 0 && !self->out_.empty())
      self->Send();
  });
}

// What the kernel takes at once costs no coroutine.
void RedisPipeline::Send() {
  if (!reply_deadline_.IsSet()) reply_deadline_.Set(Now() + options_.reply_timeout);
  const std::size_t sent = stream_->TryWrite(out_.view());
  if (sent == out_.size()) return out_.Clear();
  sending_.Swap(out_);
  sending_bytes_ = sending_.size();
  asio::co_spawn(loop_, SendRest(shared_from_this(), stream_, sent), asio::detached);
}

// Waits while the peer is slower than we, and goes on until nothing is left.
asio::awaitable<void> RedisPipeline::SendRest(std::shared_ptr<RedisPipeline> self,
                                              std::shared_ptr<Stream> stream, std::size_t sent) {
  const std::uint64_t mine = self->generation_;
  RespWriter sending;
  sending.Swap(self->sending_);
  for (;;) {
    const Status status = co_await stream->WriteAll(sending.view().substr(sent));
    if (mine != self->generation_) co_return;
    if (!status) {
      self->broken_why_ = status.error().message;
      stream->Close();  // the reader notices, and fails what was sent
      co_return;
    }
    sending.Clear();
    if (self->out_.empty()) break;
    sending.Swap(self->out_);
    self->sending_bytes_ = sending.size();
    sent = 0;
    self->WakeWriters();
  }
  self->sending_bytes_ = 0;
  self->sending_.Swap(sending);
  self->WakeWriters();
}

// ---- The life of one connection: back-off, dial, handshake, replies, end ----

void RedisPipeline::EnsureDialling(SteadyTime deadline) {
  if (state_ != State::kIdle || cancelled_) return;
  state_ = State::kDialling;
  asio::co_spawn(loop_, Serve(shared_from_this(), deadline), asio::detached);
}

asio::awaitable<void> RedisPipeline::Serve(std::shared_ptr<RedisPipeline> self,
                                           SteadyTime deadline) {
  if (self->not_before_ > Now()) {
    co_await self->backoff_wait_.Wait(std::min(self->not_before_, deadline));
  }
  const SteadyTime dial_deadline = std::min(deadline, Now() + self->options_.reply_timeout);
  ConnectResult connected =
      co_await self->connector_.Connect(self->options_.endpoint, dial_deadline);
  if (!connected) co_return self->End(FromConnect(connected.error()));
  if (self->cancelled_) co_return self->End(TargetCancelled(self->where_));
  const std::shared_ptr<Stream> stream = std::move(*connected);
  self->stream_ = stream;
  self->reply_deadline_.Set(dial_deadline);
  std::optional<TargetError> refused = co_await ShakeHands(*stream, self->replies_, self->options_);
  if (refused) co_return self->End(std::move(*refused));
  self->reply_deadline_.Clear();
  self->state_ = State::kReady;
  self->backoff_ = Millis(0);
  for (const auto& opener : std::exchange(self->openers_, {})) opener->waiter.Finish();
  if (!self->out_.empty()) self->Send();
  TargetError why = co_await self->ReadReplies();
  self->End(std::move(why));
}

asio::awaitable<TargetError> RedisPipeline::ReadReplies() {
  const std::shared_ptr<Stream> stream = stream_;
  for (;;) {
    RespReply reply;
    RespStatus status = RespStatus::kOk;
    std::size_t settled = 0;
    while ((status = replies_.Next(reply)) == RespStatus::kOk) {
      if (pending_.empty() || reply.type == RespReply::Type::kArray) co_return NotRedis(where_);
      Settle(reply);
      if (cancelled_) co_return TargetCancelled(where_);
      ++settled;
    }
    if (status == RespStatus::kBad) co_return NotRedis(where_);
    if (settled > 0) Replied();
    const std::span<char> room = replies_.Room();
    const Result<std::size_t> got = co_await stream->ReadSome(room.data(), room.size());
    if (!got) co_return ConnectionLost(broken_why_.empty() ? got.error().message : broken_why_);
    if (*got == 0) co_return ConnectionLost(where_ + " closed the connection");
    replies_.Added(*got);
  }
}

void RedisPipeline::Replied() {
  if (pending_.empty()) {
    reply_deadline_.Clear();
  } else {
    reply_deadline_.Set(Now() + options_.reply_timeout);
  }
  WakeWriters();
}

void RedisPipeline::End(TargetError error) {
  if (cancelled_) {
    error = TargetCancelled(where_);
  } else if (timed_out_) {
    error = NoAnswerInTime(where_);
  }
  ++generation_;
  if (stream_) stream_->Close();
  stream_ = nullptr;
  reply_deadline_.Clear();
  replies_.Reset();
  timed_out_ = false;
  broken_why_.clear();
  sending_bytes_ = 0;
  state_ = State::kIdle;
  backoff_ = std::clamp(backoff_ * 2, kFirstBackoff, kLongestBackoff);
  not_before_ = Now() + backoff_;
  FailAll(error);
}

// ---- Settling ----

void RedisPipeline::Settle(const RespReply& reply) {
  const Pending command = pending_.Pop();
  if (command.expect == Expect::kInteger || command.expect == Expect::kText) {
    return SettleBatch(command.expect, reply);
  }
  SettleWrite(command.done, command.expect, reply);
}

void RedisPipeline::SettleWrite(const WriteDone& done, Expect expect,
                                const RespReply& reply) const {
  switch (reply.type) {
    case RespReply::Type::kSimple:
      return done(WriteOutcome::kWritten);
    case RespReply::Type::kNil:
      if (expect == Expect::kWrittenOrPresent) return done(WriteOutcome::kPresent);
      break;
    case RespReply::Type::kError:
      return done(tl::make_unexpected(FromRedisReply(where_, reply.text)));
    default:
      break;
  }
  done(tl::make_unexpected(NotRedis(where_)));
}

void RedisPipeline::SettleBatch(Expect expect, const RespReply& reply) {
  using Type = RespReply::Type;
  Batch& batch = *batches_.front();
  Answer answer;
  if (reply.type == Type::kError) {
    answer.other_type = reply.text.substr(0, 9) == "WRONGTYPE";
    if (!answer.other_type && !batch.error) batch.error = FromRedisReply(where_, reply.text);
  } else if (expect == Expect::kInteger && reply.type == Type::kInteger) {
    answer.integer = reply.integer;
  } else if (expect == Expect::kText && reply.type == Type::kBulk) {
    answer.text = std::string(reply.text);
  } else if (expect != Expect::kText || reply.type != Type::kNil) {
    batch.error = NotRedis(where_);
  }
  batch.answers.push_back(std::move(answer));
  if (--batch.left > 0) return;
  batch.waiter.Finish();
  batches_.Pop();
}

void RedisPipeline::FailAll(const TargetError& error) {
  out_.Clear();
  for (const auto& opener : std::exchange(openers_, {})) {
    opener->error = error;
    opener->waiter.Finish();
  }
  // A callback may write again: what it adds belongs to the next connection.
  PendingRing<Pending> pending;
  PendingRing<std::shared_ptr<Batch>> batches;
  pending.Swap(pending_);
  batches.Swap(batches_);
  while (!batches.empty()) {
    const std::shared_ptr<Batch> batch = batches.Pop();
    if (!batch->error) batch->error = error;
    batch->waiter.Finish();
  }
  while (!pending.empty()) {
    const Pending command = pending.Pop();
    if (command.done) command.done(tl::make_unexpected(error));
  }
  WakeWriters();
}

void RedisPipeline::WakeWriters() {
  if (HasRoom()) room_.cancel();
}

}  // namespace stoker::warming
