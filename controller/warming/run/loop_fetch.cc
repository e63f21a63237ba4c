#include <algorithm>

#include "controller/warming/run/loop_runner.h"

namespace stoker::warming {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr milliseconds kLookAgain{50};  // while paused or while something is down
constexpr milliseconds kMaxRetryAfter{5 * 60 * 1000};

}  // namespace

asio::awaitable<void> LoopRunner::Worker() {
  const std::function<asio::awaitable<Status>()> before_redirect = [this] { return TokenForRedirect(); };
  const Millis timeout = run_.spec.policy.origins.front().http.timeout;
  std::vector<std::string_view> values;
  std::string url;
  Work work;
  while (true) {
    while (pending_.Full() && !run_.Stopped()) co_await write_room_.Wait();
    if (!TryNext(work) && !co_await WaitNext(work)) break;
    if (!TryToStart(true) && !co_await WaitToStart(true)) break;
    if (!run_.MayAct()) {
      RequestEnded();
      break;
    }
    RenderUrl(work, values, url);
    work.successes_seen = run_.origin_gate.successes();
    counters_.requests.Add(1);
    const SteadyTime start = run_.Now();
    auto fetched = co_await origin_->Fetch(url, start + timeout, before_redirect);
    RequestEnded();
    if (run_.Stopped()) break;
    counters_.latency.Add(duration_cast<microseconds>(run_.Now() - start), !fetched);
    if (fetched) {
      run_.origin_gate.Succeeded();
      co_await Store(work, std::move(fetched->body));
    } else {
      FetchFailed(work, fetched.error());
    }
  }
}

bool LoopRunner::TryNext(Work& work) {
  if (run_.Stopped()) return false;
  if (!retries_.empty() && retries_.top().due <= run_.Now()) {
    work = retries_.top().work;
    retries_.pop();
    return true;
  }
  while (!ready_.empty()) {
    Batch& batch = *ready_.front();
    while (cursor_ < batch.missing.size() && batch.missing[cursor_] == 0) ++cursor_;
    if (cursor_ < batch.missing.size()) {
      work = {&batch, cursor_++, 0, 0, 0};
      --ready_entries_;
      if (ready_entries_ % 16 == 0) batches_.NotifyOne();
      return true;
    }
    ready_.pop_front();
    cursor_ = 0;
    batches_.NotifyOne();
  }
  return false;
}

// Waits for an entry; false: none will come.
asio::awaitable<bool> LoopRunner::WaitNext(Work& work) {
  while (!run_.Stopped() && !Drained()) {
    if (TryNext(work)) co_return true;
    co_await work_.Wait(retries_.empty() ? SteadyTime::max() : retries_.top().due);
  }
  co_return false;
}

// None: a request may start now, and has its token.
std::optional<SteadyTime> LoopRunner::AskToStart(bool for_entry, SteadyTime now) {
  if (run_.Paused()) return now + kLookAgain;
  if (for_entry) {
    for (std::size_t t = 0; t < targets_.size(); ++t) {
      OutageGate& gate = run_.target_gates[t];
      if (gate.Closed()) continue;
      // Values that wait already probe the target; more of them would only use memory.
      if (!write_retries_.empty()) return now + kLookAgain;
      if (const auto again = gate.Admit(now)) return std::min(*again, now + kLookAgain);
    }
    if (!run_.origin_gate.Closed()) {
      if (const auto again = run_.origin_gate.Admit(now)) return std::min(*again, now + kLookAgain);
    }
  }
  return run_.bucket.Take(now);
}

bool LoopRunner::TryToStart(bool for_entry) {
  if (in_flight_ >= slots_ || turnstile_taken_ || run_.Stopped()) return false;
  if (AskToStart(for_entry, run_.Now())) return false;
  ++in_flight_;
  return true;
}

asio::awaitable<bool> LoopRunner::WaitToStart(bool for_entry) {
  while (!run_.Stopped()) {
    if (in_flight_ >= slots_) {
      co_await slot_free_.Wait();
      continue;
    }
    if (turnstile_taken_) {
      co_await turn_.Wait();
      continue;
    }
    const auto again = AskToStart(for_entry, run_.Now());
    if (!again) {
      ++in_flight_;
      turn_.NotifyOne();
      co_return true;
    }
    turnstile_taken_ = true;
    co_await gate_.Wait(*again);
    turnstile_taken_ = false;
  }
  turn_.NotifyAll();
  co_return false;
}

asio::awaitable<Status> LoopRunner::TokenForRedirect() {
  while (run_.MayAct()) {
    const auto again = AskToStart(false, run_.Now());
    if (!again) {
      counters_.requests.Add(1);
      co_return Status{};
    }
    co_await gate_.Wait(*again);
  }
  co_return Cancelled("the run stops");
}

void LoopRunner::RenderUrl(const Work& work, std::vector<std::string_view>& values, std::string& url) const {
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
