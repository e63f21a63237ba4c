#include "controller/warming/run/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <asio/post.hpp>

namespace stoker::warming {
namespace {

constexpr Millis kDownloadDeadline{5 * 60 * 1000};  // of one attempt
constexpr Millis kRoomLookAgain{100};
constexpr int kYieldEvery = 16;  // batches

}  // namespace

Reader::Reader(RunContext& run, const RunParts& parts, std::shared_ptr<LoopRunner> runner)
    : run_(run),
      parts_(parts),
      runner_(std::move(runner)),
      room_(runner_->loop()),
      jitter_(Mix(run.seed)) {}

Reader::~Reader() = default;

void Reader::Wake() {
  asio::post(runner_->loop(), [self = shared_from_this()] { self->room_.NotifyAll(); });
}

void Reader::Abort() {
  if (client_) client_->Cancel();
  if (planner_) planner_->Cancel();
  room_.NotifyAll();
}

asio::awaitable<void> Reader::Main() {
  client_ = parts_.documents(runner_->loop());
  const Status done = co_await ReadAll();
  if (!run_.TakesWork()) {
    // Broken off: neither a failure nor the end of the sources.
  } else if (!done) {
    run_.Stop(StopKind::kFatal, "SourceFailed", done.error().message);
  } else {
    run_.enumerated.store(true, std::memory_order_release);
  }
  run_.queue.Close();
  planner_.reset();  // here, on the loop that its connections belong to
  client_.reset();
}

asio::awaitable<Status> Reader::ReadAll() {
  for (std::int64_t number = run_.ledger.First(); run_.TakesWork(); ++number) {
    while (run_.TakesWork() && (!run_.queue.HasRoom() || !run_.ledger.HasRoom(number))) {
      co_await room_.Wait(run_.Now() + kRoomLookAgain);
    }
    if (number % kYieldEvery == 0) co_await asio::post(runner_->loop(), asio::use_awaitable);
    auto batch = std::make_unique<Batch>();
    const Status read = co_await planner_->NextBatch(batch->chunk);
    if (!read) co_return read;
    if (batch->chunk.entries.empty()) break;
    if (run_.ledger.IsDone(number)) continue;
    batch->number = number;
    batch->cursor = planner_->Position();
    run_.discovered.fetch_add(static_cast<std::int64_t>(batch->chunk.entries.size()),
                              std::memory_order_acq_rel);
    run_.queue.Push(std::move(batch));
  }
  co_return Status{};
}

asio::awaitable<FetchResult> Reader::Attempt(const std::string& url, std::size_t max_bytes,
                                             bool& too_large, const BodySink& sink) {
  OriginPacer::Request request = run_.pacer.Begin(true);
  const SteadyTime begun = run_.Now();
  const auto leave = [&] { return runner_->LeaveToSend(request); };
  std::size_t bytes = 0;
  auto counted = [&](std::string_view piece) {
    bytes += piece.size();
    too_large = bytes > max_bytes || !sink(piece);
    return !too_large;
  };
  auto result = co_await client_->Get(url, run_.Now() + kDownloadDeadline, leave, counted);
  if (result && result->wire_bytes == 0) result->wire_bytes = bytes;
  runner_->RequestEnded(request, begun, result);
  runner_->GiveUpPlace();
  co_return result;
}

bool Reader::MayRetry(const FetchError& error, int tries, Millis& wait) {
  if (error.retry_after) {
    run_.pacer.PauseUntil(run_.Now() + std::max(*error.retry_after, Millis(0)));
  }
  const auto& retry = run_.spec.policy.retry;
  if (!error.retryable || tries >= retry.limit) return false;
  const Millis ceiling = BackoffCeiling(tries, retry.backoff, retry.max_backoff);
  wait = std::chrono::duration_cast<Millis>(jitter_.Below(ceiling));
  return true;
}

asio::awaitable<Status> Reader::Download(const std::string& url, std::size_t max_bytes,
                                         std::function<void()> restart, BodySink sink,
                                         std::string* link) {
  for (int tries = 0;; ++tries) {
    const bool may_start = co_await runner_->WaitForPlace();
    if (!may_start) co_return Cancelled("the run stops");
    restart();
    bool too_large = false;
    auto result = co_await Attempt(url, max_bytes, too_large, sink);
    if (result && link != nullptr) *link = std::move(result->link);
    if (result) co_return Status{};
    if (!run_.TakesWork()) co_return Cancelled("the run stops");
    if (too_large) {
      co_return Error{Code::kExhausted,
                      fmt::format("{}: the document is larger than {} MiB; split it over several "
                                  "sources or pages",
                                  WithoutQuery(url), max_bytes >> 20)};
    }
    Millis wait{0};
    if (!MayRetry(result.error(), tries, wait)) {
      co_return Unavailable(fmt::format("{}: {} ({})", WithoutQuery(url), result.error().message,
                                        result.error().reason));
    }
    // Batches that are taken wake this wait, too.
    const SteadyTime until = run_.Now() + wait;
    while (run_.TakesWork() && run_.Now() < until) co_await room_.Wait(until);
  }
}

}  // namespace stoker::warming
