#include "controller/warming/run/loop_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <asio/post.hpp>

namespace stoker::warming {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTargetDeadline{10'000};  // of one probe or opening
constexpr std::size_t kVerifyBacklog = 16;       // batches
constexpr std::size_t kCarryBacklog = 4;         // batches
constexpr milliseconds kBatchLookAgain{100};     // a wait that a wake-up normally ends
constexpr int kMaxWorkers = 4096;

std::string_view DefectReason(EntryDefect defect) {
  switch (defect) {
    case EntryDefect::kKeyTooLong:
      return "KeyTooLong";
    case EntryDefect::kBadLine:
      return "BadLine";
    case EntryDefect::kBadUrl:
      return "BadURL";
    case EntryDefect::kMissingField:
      return "MissingField";
    case EntryDefect::kBadScore:
      return "BadScore";
    case EntryDefect::kBadTtl:
      return "BadTTL";
    case EntryDefect::kValueTooLarge:
      return "ValueTooLarge";
    case EntryDefect::kNotAString:
      return "NotAString";
    case EntryDefect::kKeyMismatch:
      return "KeyMismatch";
    case EntryDefect::kNone:
      break;
  }
  return {};
}

std::string_view DefectMessage(EntryDefect defect) {
  switch (defect) {
    case EntryDefect::kKeyTooLong:
      return "the key is longer than 65536 bytes";
    case EntryDefect::kBadLine:
      return "the line has a tab, but no number after it; write key<TAB>score";
    case EntryDefect::kBadUrl:
      return "the sitemap's location is not an http:// or https:// URL";
    case EntryDefect::kMissingField:
      return "a field that the key, the URL or the value is made of is missing or null";
    case EntryDefect::kBadScore:
      return "the score is not a number";
    case EntryDefect::kBadTtl:
      return "the TTL is not a number of seconds";
    case EntryDefect::kValueTooLarge:
      return "the value is larger than 64 MiB";
    case EntryDefect::kNotAString:
      return "the other cache holds a list, a set, a hash or the like, and only strings are copied";
    case EntryDefect::kKeyMismatch:
      return "the key does not match the source's keyPattern";
    case EntryDefect::kNone:
      break;
  }
  return {};
}

// Connections are dialled before there is a token for them, but no more than two seconds' worth: a
// slow run does not greet its origin with all the connections that it may have.
int MostApproaching(const RunContext& run) {
  const std::int64_t rate = run.spec.policy.pacing.requests_per_second / run.spec.shard.count;
  return static_cast<int>(std::clamp<std::int64_t>(2 * rate, 4, kMaxWorkers));
}

}  // namespace

LoopRunner::LoopRunner(RunContext& run, const RunParts& parts, asio::io_context& loop, int index)
    : run_(run),
      parts_(parts),
      loop_(loop),
      index_(index),
      jitter_(Mix(run.seed + static_cast<std::uint64_t>(index))),
      tiers_(run.spec.policy.targets),
      child_left_(loop),
      batches_(loop),
      work_(loop),
      place_free_(loop),
      write_place_free_(loop),
      gate_(loop),
      write_retry_(loop),
      verify_(loop),
      carry_(loop),
      measured_(loop),
      approach_(loop),
      tokens_(loop),
      further_(loop),
      most_approaching_(MostApproaching(run)),
      pending_(run.options.value_bytes / run.loops) {
  for (std::size_t t = 0; t < run.write_pace.size(); ++t) write_turns_.emplace_back(loop);
}

LoopRunner::~LoopRunner() = default;

void LoopRunner::Spawn(asio::awaitable<void> task) {
  ++children_;
  asio::co_spawn(loop_, std::move(task), [this](const std::exception_ptr& error) {
    if (error) run_.StopOn(error);
    --children_;
    child_left_.NotifyAll();
  });
}

asio::awaitable<void> LoopRunner::Main() {
  if (parts_.origin) origin_ = parts_.origin(loop_);
  for (const auto& make : parts_.targets) targets_.push_back(make(loop_));
  Spawn(Feeder());
  Spawn(WriteRetrier());
  if (run_.spec.policy.verification_sample_percent > 0) Spawn(Verifier());
  const bool guarded = std::any_of(run_.capacity.begin(), run_.capacity.end(),
                                   [](const auto& gate) { return gate != nullptr; });
  if (guarded && index_ == 0) Spawn(CapacityWatcher());
  const int fetchers = origin_ ? std::min(run_.in_flight, kMaxWorkers) : 0;
  workers_ = fetchers + 1;
  Spawn(Carrier());
  for (int i = 0; i < fetchers; ++i) Spawn(Worker());
  while (children_ > 0) co_await child_left_.Wait();
  origin_.reset();
  targets_.clear();
  // Whoever keeps the run for its report keeps no entries.
  ready_.clear();
  carried_.clear();
  to_verify_.clear();
  active_.clear();
}

void LoopRunner::Wake() {
  asio::post(loop_, [self = shared_from_this()] { self->batches_.NotifyAll(); });
}

void LoopRunner::WakeForPlace() {
  asio::post(loop_, [self = shared_from_this()] {
    self->place_free_.NotifyOne();
    self->write_place_free_.NotifyOne();
    self->work_.NotifyOne();
  });
}

void LoopRunner::WakeToDrain() {
  asio::post(loop_, [self = shared_from_this()] { self->WakeAll(); });
}

void LoopRunner::Abort() {
  if (origin_) origin_->Cancel();
  for (const auto& target : targets_) target->Cancel();
  WakeAll();
}

void LoopRunner::WakeAll() {
  for (AsyncEvent* event : {&child_left_, &batches_, &work_, &place_free_, &write_place_free_,
                            &gate_, &write_retry_, &verify_, &carry_, &measured_}) {
    event->NotifyAll();
  }
  approach_.WakeAll();
  tokens_.WakeAll();
  further_.WakeAll();
  for (Turnstile& turn : write_turns_) turn.WakeAll();
}

asio::awaitable<void> LoopRunner::Feeder() {
  co_await OpenTargets();
  // Enough to keep the workers busy while the next batch is probed, and no more: another loop may
  // be idle.
  const auto want = static_cast<std::size_t>(std::max(16, 2 * run_.places.ShareOf(index_)));
  const auto most_bytes = static_cast<std::size_t>(run_.options.batch_bytes);
  while (run_.TakesWork()) {
    const bool short_of_memory = run_.pacer.ShortOfMemory() && !active_.empty();
    if (short_of_memory || run_.Paused() || ready_entries_ >= want ||
        carried_.size() >= kCarryBacklog || to_verify_.size() > kVerifyBacklog ||
        batch_bytes_ >= most_bytes) {
      co_await batches_.Wait(run_.Now() + kBatchLookAgain);
      continue;
    }
    if (BatchPtr batch = run_.queue.Pop()) {
      co_await Admit(std::move(batch));
    } else if (run_.queue.Ended()) {
      break;
    } else {
      co_await batches_.Wait(run_.Now() + kBatchLookAgain);
    }
  }
  feeder_done_ = true;
  WakeAll();
}

asio::awaitable<void> LoopRunner::OpenTargets() {
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    for (int tries = 0; run_.TakesWork(); ++tries) {
      const auto opened = co_await targets_[t]->Open(run_.Now() + kTargetDeadline);
      if (opened) {
        run_.target_gates[t].Succeeded();
        break;
      }
      if (!co_await TargetFailed(t, opened.error(), tries)) break;
    }
  }
}

// Reports a failure that was no entry's and waits for the next try; false: there is none.
asio::awaitable<bool> LoopRunner::TargetFailed(std::size_t t, const TargetError& error, int tries) {
  if (!run_.TakesWork()) co_return false;
  OutageGate& gate = run_.target_gates[t];
  const SteadyTime now = run_.Now();
  if (error.whole_target && gate.Failed(now, IsStanding(error), error.reason, error.message)) {
    run_.Stop(StopKind::kFatal, error.reason, error.message);
    co_return false;
  }
  if (!error.whole_target && (!error.retryable || tries >= run_.spec.policy.retry.limit))
    co_return false;
  const Millis ceiling =
      BackoffCeiling(tries, run_.spec.policy.retry.backoff, run_.spec.policy.retry.max_backoff);
  SteadyTime until =
      now + std::max<std::chrono::microseconds>(milliseconds(10), jitter_.Below(ceiling));
  while (run_.TakesWork()) {
    co_await gate_.Wait(until);
    const auto again = gate.Admit(run_.Now());
    if (!again) co_return true;
    until = std::min(*again, run_.Now() + kBatchLookAgain);
  }
  co_return false;
}

asio::awaitable<bool> LoopRunner::Probe(Batch& batch, std::size_t t) {
  std::vector<std::string_view> keys;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < batch.chunk.entries.size(); ++i) {
    const Entry& entry = batch.chunk.entries[i];
    // A value that is at hand is offered without asking: IfAbsent keeps what is there.
    if (entry.defect != EntryDefect::kNone || entry.carries_value) continue;
    if ((batch.missing[i] & (1U << t)) == 0) continue;  // it does not belong there
    keys.push_back(batch.chunk.Key(entry));
    places.push_back(i);
  }
  const api::Write& write = run_.spec.policy.targets[t].write;
  const Millis at_least = write.mode == api::Write::Mode::kRefresh
                              ? write.refresh_below.value_or(Millis(0))
                              : Millis(0);
  for (int tries = 0; !keys.empty() && run_.MayAct(); ++tries) {
    const auto held = co_await targets_[t]->Probe(keys, at_least, run_.Now() + kTargetDeadline);
    if (held) {
      run_.target_gates[t].Succeeded();
      for (std::size_t i = 0; i < places.size() && i < held->size(); ++i) {
        if ((*held)[i]) batch.missing[places[i]] &= static_cast<std::uint8_t>(~(1U << t));
      }
      co_return true;
    }
    // A target that refuses to be asked is written to without asking: IfAbsent keeps what it holds.
    if (!co_await TargetFailed(t, held.error(), tries)) break;
  }
  co_return run_.TakesWork();
}

asio::awaitable<void> LoopRunner::Admit(BatchPtr owned) {
  Batch& batch = *owned;
  batch_bytes_ += batch.MemoryBytes();
  active_.emplace(&batch, std::move(owned));
  batch.missing.clear();
  for (const Entry& entry : batch.chunk.entries) {
    batch.missing.push_back(tiers_.TargetsOf(entry.score));
  }
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    if (run_.spec.policy.targets[t].write.mode == api::Write::Mode::kOverwrite) continue;
    if (!co_await Probe(batch, t)) co_return;
  }
  Deliver(batch);
}

// Finishes what needs no request, and hands the rest to the workers.
void LoopRunner::Deliver(Batch& batch) {
  batch.remaining = batch.chunk.entries.size() + 1;  // one for this function itself
  std::size_t wanted = 0;
  bool carries = false;
  for (std::uint32_t i = 0; i < batch.chunk.entries.size(); ++i) {
    const EntryDefect defect = batch.chunk.entries[i].defect;
    if (defect != EntryDefect::kNone) {
      batch.missing[i] = 0;
      Failed(batch, i, DefectReason(defect), DefectMessage(defect));
      Finish(batch);
    } else if (batch.missing[i] == 0) {
      Skipped(batch);
      Finish(batch);
    } else if (batch.chunk.entries[i].carries_value) {
      carries = true;
    } else {
      ++wanted;
    }
  }
  if (carries) {
    carried_.push_back(&batch);
    carry_.NotifyAll();
  }
  if (wanted > 0) {
    ready_.push_back(&batch);
    ready_entries_ += wanted;
    work_.NotifyOne();  // who finds an entry wakes the next
  }
  Finish(batch);
}

}  // namespace stoker::warming
