#include "controller/warming/target/pipeline.h"

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/post.hpp>
#include <utility>

#include "controller/warming/target/read_more.h"
#include "controller/warming/target/target_errors.h"

namespace stoker::warming {
namespace {

constexpr std::size_t kWorthSending = 128
                                      << 10;  // still in the core's cache when the kernel copies it
constexpr Millis kFirstRedial{50};
constexpr Millis kLongestRedial{2'000};

SteadyTime PipelineNow() { return std::chrono::steady_clock::now(); }

}  // namespace

Pipeline::Pipeline(asio::io_context& loop, std::shared_ptr<const EgressGuard> guard,
                   PipelineOptions options)
    : where_(options.endpoint.host + ":" + options.endpoint.port),
      loop_(loop),
      options_(std::move(options)),
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

asio::awaitable<tl::expected<void, TargetError>> Pipeline::Open(std::shared_ptr<Pipeline> self,
                                                                SteadyTime deadline) {
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

asio::awaitable<void> Pipeline::Writable(std::shared_ptr<Pipeline> self) {
  while (!self->HasRoom()) {
    std::error_code ignored;
    co_await self->room_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

std::shared_ptr<Pipeline::Batch> Pipeline::StartBatch(std::size_t count) {
  auto batch = std::make_shared<Batch>(loop_, count);
  if (cancelled_) {
    batch->error = TargetCancelled(where_);
    batch->waiter.Finish();
  }
  if (!cancelled_ && count > 0) batches_.Push(batch);
  return batch;
}

asio::awaitable<void> Pipeline::Answers(std::shared_ptr<Pipeline> self,
                                        std::shared_ptr<Batch> batch, SteadyTime deadline) {
  if (batch->waiter.finished() || batch->left == 0) co_return;
  self->SendSoon();
  co_await batch->waiter.Wait(deadline);
  if (!batch->waiter.finished()) batch->error = NoAnswerInTime(self->where_);
}

void Pipeline::Cancel() {
  cancelled_ = true;
  connector_.Cancel();
  backoff_wait_.Cancel();
  reply_deadline_.Stop();
  if (stream_) stream_->Close();
  FailAll(TargetCancelled(where_));
}

// ---- Sending ----

// Now, when it is much, or at the end of this turn of the loop.
void Pipeline::SendSoon() {
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
void Pipeline::Send() {
  if (!reply_deadline_.IsSet()) reply_deadline_.Set(PipelineNow() + options_.reply_timeout);
  const std::size_t sent = stream_->TryWrite(out_.view());
  if (sent == out_.size()) return out_.Clear();
  sending_.Swap(out_);
  sending_bytes_ = sending_.size();
  asio::co_spawn(loop_, SendRest(shared_from_this(), stream_, sent), asio::detached);
}

// Waits while the peer is slower than we, and goes on until nothing is left.
asio::awaitable<void> Pipeline::SendRest(std::shared_ptr<Pipeline> self,
                                         std::shared_ptr<Stream> stream, std::size_t sent) {
  const std::uint64_t mine = self->generation_;
  SendBuffer sending;
  sending.Swap(self->sending_);
  for (;;) {
    const std::string_view piece = sending.view().substr(sent, kStep);
    const Status status = co_await stream->WriteAll(piece);
    if (mine != self->generation_) co_return;
    if (!status) {
      self->broken_why_ = status.error().message;
      stream->Close();  // the reader notices, and fails what was sent
      co_return;
    }
    self->Stepped();
    sent += piece.size();
    if (sent < sending.size()) continue;
    sending.Clear();
    if (self->out_.empty()) break;
    sending.Swap(self->out_);
    self->sending_bytes_ = sending.size();
    sent = 0;
    self->WakeWriters();
  }
  self->sending_bytes_ = 0;
  self->sending_.Swap(sending);
  self->Stepped();
  self->WakeWriters();
}

// ---- The life of one connection: back-off, dial, handshake, replies, end ----

void Pipeline::EnsureDialling(SteadyTime deadline) {
  if (state_ != State::kIdle || cancelled_) return;
  state_ = State::kDialling;
  asio::co_spawn(loop_, Serve(shared_from_this(), deadline), asio::detached);
}

asio::awaitable<void> Pipeline::Serve(std::shared_ptr<Pipeline> self, SteadyTime deadline) {
  if (self->not_before_ > PipelineNow()) {
    co_await self->backoff_wait_.Wait(std::min(self->not_before_, deadline));
  }
  const SteadyTime dial_deadline = std::min(deadline, PipelineNow() + self->options_.reply_timeout);
  ConnectResult connected =
      co_await self->connector_.Connect(self->options_.endpoint, dial_deadline);
  if (!connected) co_return self->End(FromConnect(connected.error()));
  if (self->cancelled_) co_return self->End(TargetCancelled(self->where_));
  const std::shared_ptr<Stream> stream = std::move(*connected);
  self->stream_ = stream;
  self->reply_deadline_.Set(dial_deadline);
  std::optional<TargetError> refused = co_await self->ShakeHands(*stream);
  if (refused) co_return self->End(std::move(*refused));
  self->reply_deadline_.Clear();
  self->state_ = State::kReady;
  self->backoff_ = Millis(0);
  for (const auto& opener : std::exchange(self->openers_, {})) opener->waiter.Finish();
  if (!self->out_.empty()) self->Send();
  TargetError why = co_await self->ReadReplies();
  self->End(std::move(why));
}

asio::awaitable<TargetError> Pipeline::ReadReplies() {
  const std::shared_ptr<Stream> stream = stream_;
  std::uint64_t replies_then = replies_;  // when it last came a step further
  std::size_t came = 0;                   // bytes, since then
  for (;;) {
    ParseStatus status = ParseStatus::kOk;
    while ((status = TakeReply()) == ParseStatus::kOk) {
      if (cancelled_) co_return TargetCancelled(where_);
    }
    if (status == ParseStatus::kBad) co_return NotUnderstood();
    if (replies_ != replies_then || came >= kStep) {
      replies_then = replies_;
      came = 0;
      Stepped();
      WakeWriters();
    }
    auto more = co_await ReadMore(*stream, received_, where_);
    if (!more && !broken_why_.empty()) co_return ConnectionLost(broken_why_);
    if (!more) co_return std::move(more.error());
    came += *more;
  }
}

void Pipeline::Stepped() {
  if (pending_.empty() && sending_bytes_ == 0) {
    reply_deadline_.Clear();
  } else {
    reply_deadline_.Set(PipelineNow() + options_.reply_timeout);
  }
}

void Pipeline::End(TargetError error) {
  if (cancelled_) {
    error = TargetCancelled(where_);
  } else if (timed_out_) {
    error = NoAnswerInTime(where_);
  }
  ++generation_;
  if (stream_) stream_->Close();
  stream_ = nullptr;
  reply_deadline_.Clear();
  received_.Reset();
  timed_out_ = false;
  broken_why_.clear();
  sending_bytes_ = 0;
  state_ = State::kIdle;
  backoff_ = std::clamp(backoff_ * 2, kFirstRedial, kLongestRedial);
  not_before_ = PipelineNow() + backoff_;
  FailAll(error);
}

// ---- Settling ----

void Pipeline::SettleBatch(Answer answer) {
  Batch& batch = *batches_.front();
  if (answer.error && !batch.error) batch.error = *answer.error;
  batch.answers.push_back(std::move(answer));
  if (--batch.left > 0) return;
  batch.waiter.Finish();
  batches_.Pop();
}

void Pipeline::FailAll(const TargetError& error) {
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
    batch->error = error;
    batch->waiter.Finish();
  }
  while (!pending.empty()) {
    const Pending command = pending.Pop();
    if (command.done) command.done(tl::make_unexpected(error));
  }
  WakeWriters();
}

void Pipeline::WakeWriters() {
  if (HasRoom()) room_.cancel();
}

}  // namespace stoker::warming
