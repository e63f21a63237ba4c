#include <algorithm>

#include "controller/warming/run/loop_runner.h"

namespace stoker::warming {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr milliseconds kGateLookAgain{50};  // while paused or while something is down
constexpr milliseconds kMaxRetryAfter{5 * 60 * 1000};

}  // namespace

asio::awaitable<void> LoopRunner::Worker() {
  const std::function<asio::awaitable<Status>()> before_redirect = [this] {
    return TokenForRedirect();
  };
  const Millis timeout = run_.spec.policy.origins.front().http.timeout;
  std::vector<std::string_view> values;
  std::string url;
  Work work;
  while (TryNext(work) || co_await WaitNext(work)) {
    const bool token = !turnstile_taken_ && !AskForToken(true, run_.Now());
    if ((!token && !co_await WaitForToken(true)) || !run_.MayAct()) {
      RequestEnded();
      break;
    }
    RenderUrl(work, values, url);
    work.successes_seen = run_.origin_gate.successes();
    counters_.requests.Add(1);
    const SteadyTime start = run_.Now();
    auto fetched = co_await origin_->Fetch(url, start + timeout, before_redirect);
    if (run_.Stopped()) {
      RequestEnded();
      break;
    }
    counters_.latency.Add(duration_cast<microseconds>(run_.Now() - start), !fetched);
    if (fetched) {
      run_.origin_gate.Succeeded();
      const bool has_place = run_.write_places.Take(index_) || co_await WaitForWritePlace();
      RequestEnded();
      if (!has_place) break;
      co_await Store(work, std::move(fetched->body));
    } else {
      RequestEnded();
      FetchFailed(work, fetched.error());
    }
  }
  if (--workers_ == 0) WakeAll();
}

bool LoopRunner::HasNext() const {
  return ready_entries_ > 0 || (!retries_.empty() && retries_.top().due <= run_.Now());
}

bool LoopRunner::TryNext(Work& work) {
  if (!run_.TakesWork() || reader_waits_ || pending_.Full() || !HasNext() ||
      !run_.places.Take(index_))
    return false;
  work = TakeNext();
  // Places that become free are not announced one by one: who finds work looks for more of them.
  if (run_.places.AnyFree() && HasNext()) work_.NotifyOne();
  return true;
}

LoopRunner::Work LoopRunner::TakeNext() {
  if (!retries_.empty() && retries_.top().due <= run_.Now()) {
    const Work work = retries_.top().work;
    retries_.pop();
    return work;
  }
  while (true) {
    Batch& batch = *ready_.front();
    const auto done = [&] {
      return batch.missing[cursor_] == 0 || batch.chunk.entries[cursor_].carries_value;
    };
    while (cursor_ < batch.missing.size() && done()) ++cursor_;
    if (cursor_ < batch.missing.size()) {
      if (--ready_entries_ % 16 == 0) batches_.NotifyOne();
      return {&batch, cursor_++, 0, 0, 0};
    }
    ready_.pop_front();
    cursor_ = 0;
  }
}

// Waits for an entry; false: none will come.
asio::awaitable<bool> LoopRunner::WaitNext(Work& work) {
  while (run_.TakesWork() && !Drained()) {
    if (TryNext(work)) co_return true;
    const bool due_later = !retries_.empty() && retries_.top().due > run_.Now();
    co_await work_.Wait(due_later ? retries_.top().due : SteadyTime::max());
  }
  co_return false;
}

asio::awaitable<bool> LoopRunner::WaitToStart() {
  reader_waits_ = true;
  while (run_.TakesWork() && !run_.places.Take(index_)) co_await place_free_.Wait();
  reader_waits_ = false;
  work_.NotifyOne();
  const bool token = co_await WaitForToken(false);
  if (!token) RequestEnded();
  co_return token;
}

void LoopRunner::RequestEnded() {
  if (const int loop = run_.places.Give(index_); loop >= 0) run_.on_place_free(loop);
  place_free_.NotifyOne();
}

// A value that finds the way to the targets taken keeps its place in flight until there is room, so
// no more than twice maxInFlight entries are ever between the origin and an acknowledgement.
asio::awaitable<bool> LoopRunner::WaitForWritePlace() {
  while (!run_.Stopped()) {
    if (run_.write_places.Take(index_)) co_return true;
    co_await write_place_free_.Wait();
  }
  co_return false;
}

void LoopRunner::WriteEnded() {
  if (const int loop = run_.write_places.Give(index_); loop >= 0) run_.on_place_free(loop);
  write_place_free_.NotifyOne();
}

// None: a request may start now, and has its token.
std::optional<SteadyTime> LoopRunner::AskForToken(bool for_entry, SteadyTime now) {
  if (run_.Paused()) return now + kGateLookAgain;
  if (for_entry) {
    if (const auto again = AskTargets(now)) return again;
    if (!run_.origin_gate.Closed()) {
      if (const auto again = run_.origin_gate.Admit(now))
        return std::min(*again, now + kGateLookAgain);
    }
  }
  return run_.bucket.Take(now);
}

std::optional<SteadyTime> LoopRunner::AskTargets(SteadyTime now) {
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    OutageGate& gate = run_.target_gates[t];
    if (gate.Closed()) continue;
    // Values that wait already probe the target; more of them would only use memory.
    if (!write_retries_.empty()) return now + kGateLookAgain;
    if (const auto again = gate.Admit(now)) return std::min(*again, now + kGateLookAgain);
  }
  return std::nullopt;
}

asio::awaitable<bool> LoopRunner::WaitForToken(bool for_entry) {
  while (turnstile_taken_ && run_.TakesWork()) co_await turn_.Wait();
  turnstile_taken_ = true;
  while (run_.TakesWork()) {
    const auto again = AskForToken(for_entry, run_.Now());
    if (!again) break;
    co_await gate_.Wait(*again);
  }
  turnstile_taken_ = false;
  turn_.NotifyOne();
  co_return run_.TakesWork();
}

asio::awaitable<Status> LoopRunner::TokenForRedirect() {
  while (run_.MayAct()) {
    const auto again = AskForToken(false, run_.Now());
    if (!again) {
      counters_.requests.Add(1);
      co_return Status{};
    }
    co_await gate_.Wait(*again);
  }
  co_return Cancelled("the run stops");
}

void LoopRunner::RenderUrl(const Work& work, std::vector<std::string_view>& values,
                           std::string& url) const {
  const EntryChunk& chunk = work.batch->chunk;
  const Entry& entry = chunk.entries[work.entry];
  values.clear();
  values.push_back(chunk.Key(entry));
  for (std::size_t i = 0; i < run_.columns.size(); ++i) values.push_back(chunk.Column(entry, i));
  url.clear();
  run_.url.Render(values, url);
}

void LoopRunner::FetchFailed(Work work, const FetchError& error) {
  const SteadyTime now = run_.Now();
  OutageGate& gate = run_.origin_gate;
  const bool standing = error.connection && !error.retryable;
  if (!error.connection) {
    gate.Answered();
  } else if (gate.Failed(now, standing, error.reason, error.message)) {
    run_.Stop(StopKind::kFatal, "OriginUnavailable", error.message);
    return;
  }
  if (error.retry_after) {
    run_.bucket.PauseUntil(now + std::clamp(*error.retry_after, milliseconds(0), kMaxRetryAfter));
  }
  // While the origin serves nobody, that is no entry's fault, and uses up no entry's attempts.
  const bool whole_origin = error.connection || error.retry_after;
  if (!whole_origin || gate.successes() != work.successes_seen) ++work.attempts;
  const bool again = error.retryable || whole_origin;
  if (!again || work.attempts > run_.spec.policy.retry.limit) {
    Failed(*work.batch, work.entry, error.reason, error.message);
    Finish(*work.batch);
    return;
  }
  const Millis ceiling = BackoffCeiling(work.tries++, run_.spec.policy.retry.backoff,
                                        run_.spec.policy.retry.max_backoff);
  retries_.push({now + jitter_.Below(ceiling), work});
  work_.NotifyOne();
}

}  // namespace stoker::warming
