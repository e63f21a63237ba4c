#include <algorithm>
#include <functional>
#include <utility>

#include "controller/warming/run/loop_runner.h"

namespace stoker::warming {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr milliseconds kGateLookAgain{50};  // while paused or while something is down
// Further tries that an entry is excused for because the origin asked to come back later, or served
// nobody when the entry was its probe.
constexpr int kExcusedTries = 3;

}  // namespace

asio::awaitable<void> LoopRunner::Worker() {
  Question question;
  Work work;
  while (TryNext(work) || co_await WaitNext(work)) {
    if (!TryApproach() && !co_await WaitToApproach()) {
      PlaceFree();
      break;
    }
    Ask(work, question);
    auto fetched = co_await FetchOne(question, work);
    // What fails during a drain is left to the next host.
    if (run_.Stopped() || (!fetched && !run_.TakesWork())) {
      PlaceFree();
      break;
    }
    if (fetched) {
      run_.origin_gate.Succeeded();
      if (fetched->held) {
        PlaceFree();
        WarmedThrough(work, *fetched);
        continue;
      }
      const bool has_place = run_.write_places.Take(index_) || co_await WaitForWritePlace();
      PlaceFree();
      if (!has_place) break;
      PendingWrite* write = ToWrite(work, std::move(*fetched));
      if (!TrySubmit(write)) co_await Submit(write);
    } else {
      PlaceFree();
      FetchFailed(work, fetched.error());
    }
  }
  if (--workers_ == 0) WakeAll();
}

asio::awaitable<FetchResult> LoopRunner::FetchOne(Question& question, Work& work) {
  bool approaching = true;
  OriginPacer::Request request = run_.pacer.Begin(false);
  SteadyTime sent{};  // its first request was, or it began without sending any
  const auto begins = [&] {
    sent = run_.Now();
    work.successes_seen = run_.origin_gate.successes();
  };
  const Leave leave = [&]() -> asio::awaitable<Status> {
    const SteadyTime asked = run_.Now();
    Status allowed = co_await LeaveToSend(request);
    if (std::exchange(approaching, false)) {
      begins();
      Approached();
    } else {
      sent += run_.Now() - asked;  // a redirect: what it waited here was not the origin's doing
    }
    co_return allowed;
  };
  begins();
  auto fetched = co_await origin_->Fetch(question, leave);
  if (approaching) Approached();
  work.probed = request.probes;
  RequestEnded(request, sent, fetched);
  co_return fetched;
}

// What the end of a drain or of the run cut off says nothing about the origin.
void LoopRunner::RequestEnded(OriginPacer::Request& request, SteadyTime sent,
                              const FetchResult& fetched) {
  using Kind = OriginPacer::Outcome::Kind;
  const SteadyTime now = run_.Now();
  OriginPacer::Outcome outcome;
  outcome.latency = duration_cast<microseconds>(now - sent);
  if (fetched) {
    const std::size_t bytes = fetched->wire_bytes;
    outcome.bytes = static_cast<std::int64_t>(bytes > 0 ? bytes : fetched->body.size());
  } else if (fetched.error().retryable || fetched.error().connection) {
    outcome.kind = fetched.error().retry_after ? Kind::kBusy : Kind::kFailing;
    outcome.reason = fetched.error().reason;
  }
  if (!run_.Stopped()) {
    if (!request.for_list) counters_.latency.Add(outcome.latency, !fetched);
    run_.pacer.Ended(now, request, outcome);
  }
  tokens_.Look();
  further_.Look();
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

asio::awaitable<bool> LoopRunner::WaitForPlace() {
  reader_waits_ = true;
  bool taken = false;
  while (run_.TakesWork() && !(taken = run_.places.Take(index_))) co_await place_free_.Wait();
  reader_waits_ = false;
  work_.NotifyOne();
  co_return taken;
}

// A worker that gives its place back looks for work itself; the reader wakes one that does.
void LoopRunner::GiveUpPlace() {
  PlaceFree();
  work_.NotifyOne();
}

void LoopRunner::PlaceFree() {
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

// None: nothing that an entry needs is known to be down.
std::optional<SteadyTime> LoopRunner::AskGates(SteadyTime now) {
  if (run_.Paused()) return now + kGateLookAgain;
  if (const auto again = AskTargets(now)) return again;
  if (run_.origin_gate.Closed()) return std::nullopt;
  const auto again = run_.origin_gate.Admit(now);
  return again ? std::optional(std::min(*again, now + kGateLookAgain)) : std::nullopt;
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

// None: another entry may approach now.
std::optional<SteadyTime> LoopRunner::AskToApproach() {
  if (approaching_ >= most_approaching_) return SteadyTime::max();  // until one has
  const SteadyTime now = run_.Now();
  if (const auto again = run_.pacer.AskToApproach(now, approaching_)) return again;
  return AskGates(now);
}

bool LoopRunner::TryApproach() {
  if (approach_.Taken() || AskToApproach()) return false;
  ++approaching_;
  return true;
}

// False: the run stops.
asio::awaitable<bool> LoopRunner::WaitToApproach() {
  const bool may = co_await approach_.Pass([this] { return AskToApproach(); },
                                           [this] { return run_.TakesWork(); });
  if (may) ++approaching_;
  co_return may;
}

void LoopRunner::Approached() {
  --approaching_;
  approach_.Look();
}

// None: the request may be sent now, and has what it needs.
std::optional<SteadyTime> LoopRunner::AskToSend(OriginPacer::Request& request) {
  const SteadyTime now = run_.Now();
  if (run_.Paused()) return now + kGateLookAgain;
  return run_.pacer.AskToSend(now, request);
}

asio::awaitable<Status> LoopRunner::LeaveToSend(OriginPacer::Request& request) {
  Turnstile& turn = request.sent ? further_ : tokens_;
  // One that is out asks once in any case, so that its time stands still from now on.
  bool may = (request.sent || !turn.Taken()) && !AskToSend(request);
  if (!may) {
    may =
        co_await turn.Pass([&] { return AskToSend(request); }, [this] { return run_.TakesWork(); });
  }
  if (!may || !run_.MayAct()) co_return Cancelled("the run stops");
  counters_.requests.Add(1);
  co_return Status{};
}

void LoopRunner::Ask(const Work& work, Question& question) const {
  const EntryChunk& chunk = work.batch->chunk;
  const Entry& entry = chunk.entries[work.entry];
  question.values.clear();
  question.values.push_back(chunk.Key(entry));
  for (std::size_t i = 0; i < run_.columns.size(); ++i) {
    question.values.push_back(chunk.Column(entry, i));
  }
  question.tries = work.tries;
}

void LoopRunner::FetchFailed(Work work, const FetchError& error) {
  const SteadyTime now = run_.Now();
  OutageGate& gate = run_.origin_gate;
  // Where entries choose the host, one that cannot be reached is its entry's trouble.
  const bool unreachable = error.connection && run_.one_host;
  const bool standing = unreachable && !error.retryable;
  if (!unreachable) {
    gate.Answered();
  } else if (gate.Failed(now, standing, error.reason, error.message)) {
    run_.Stop(StopKind::kFatal, "OriginUnavailable", error.message);
    return;
  }
  if (error.retry_after) {
    run_.pacer.PauseUntil(now + std::max(*error.retry_after, milliseconds(0)));
  }
  // While the origin serves nobody, that is no entry's fault, and uses up no entry's attempts; but
  // an entry that is always told to come back later is not believed for ever.
  const int limit = run_.spec.policy.retry.limit;
  const bool busy = (error.retry_after || work.probed) && work.tries < limit + kExcusedTries;
  const bool served = gate.successes() != work.successes_seen;
  if (served || (!unreachable && !busy)) ++work.attempts;
  const bool again = error.retryable || unreachable || error.retry_after;
  if (!again || work.attempts > limit) {
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
