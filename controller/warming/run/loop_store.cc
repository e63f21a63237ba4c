#include <algorithm>

#include "controller/base/hash.h"
#include "controller/warming/run/loop_runner.h"
#include "controller/warming/run/ttl.h"

namespace stoker::warming {

bool IsStanding(const TargetError& error) { return error.standing(); }

Millis LoopRunner::TtlOf(const Entry& entry, std::size_t t) const {
  const api::Write& write = run_.spec.policy.targets[t].write;
  if (entry.ttl_ms > 0) return Millis(entry.ttl_ms);
  return EntryTtl(run_.spec.policy.sources[entry.source].ttl, write.ttl, write.ttl_jitter_percent,
                  entry.hash);
}

// The origin may say how long a value lives; what the source said of the entry goes before.
PendingWrite* LoopRunner::ToWrite(const Work& work, Fetched fetched) {
  Entry& entry = work.batch->chunk.entries[work.entry];
  if (fetched.ttl && entry.ttl_ms == 0) {
    entry.ttl_ms = std::max<std::int64_t>(1, fetched.ttl->count());
  }
  return pending_.TakeFetched(work.batch, work.entry, std::move(fetched));
}

void LoopRunner::WarmedThrough(const Work& work, const Fetched& fetched) {
  Batch& batch = *work.batch;
  const auto all = static_cast<std::uint8_t>((1U << targets_.size()) - 1);
  batch.missing[work.entry] = 0;
  if ((*fetched.held & all) == all) {
    Skipped(batch);
    Finish(batch);
    return;
  }
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    if ((*fetched.held & (1U << t)) != 0) continue;
    counters_.target_warmed[t].Add(1);
    ++batch.outcome.target_warmed[t];
  }
  const auto bytes = static_cast<std::int64_t>(fetched.wire_bytes);
  counters_.bytes.Add(bytes);
  batch.outcome.bytes += bytes;
  counters_.warmed.Add(1);
  ++batch.outcome.warmed;
  Finish(batch);
}

// The targets that may take the entry now.
std::uint8_t LoopRunner::NextTargets(const PendingWrite& write) const {
  return tiers_.Next(write.batch->missing[write.entry], write.refused);
}

// Writes to the targets that lack the entry and whose lower tiers hold it; acknowledgements come
// later. Nearly always there is room, and then no coroutine is needed.
bool LoopRunner::TrySubmit(PendingWrite* write) {
  const std::uint8_t next = NextTargets(*write);
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    const bool bounded = run_.capacity[t] || run_.write_pace[t];
    if ((next & (1U << t)) != 0 && (bounded || !targets_[t]->HasRoom())) return false;
  }
  if (!run_.MayAct()) return false;
  write->outstanding = 1;  // this function, so that an early answer does not settle
  write->counted = write->failed = false;
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    if ((next & (1U << t)) != 0) Offer(write, t);
  }
  if (--write->outstanding == 0) Settle(write);
  return true;
}

asio::awaitable<void> LoopRunner::Submit(PendingWrite* write) {
  const Entry entry = write->batch->chunk.entries[write->entry];
  write->outstanding = 1;
  write->counted = write->failed = false;
  const std::uint8_t next = NextTargets(*write);
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    if ((next & (1U << t)) == 0) continue;
    co_await targets_[t]->Writable();
    const std::int64_t weight = CapacityGate::Weight(entry.key_size, write->value.size());
    if (run_.capacity[t] && !co_await WaitForRoom(t, weight)) {
      write->aborted = true;
      break;
    }
    if (run_.write_pace[t]) co_await WaitToWrite(t, write->value.size());
    if (!run_.MayAct()) {
      write->aborted = true;
      break;
    }
    Offer(write, t);
  }
  if (--write->outstanding == 0) Settle(write);
}

// By the target's own pacing; what waits here keeps its place, so that no more is fetched meanwhile.
asio::awaitable<void> LoopRunner::WaitToWrite(std::size_t t, std::size_t bytes) {
  WritePace& pace = *run_.write_pace[t];
  co_await write_turns_[t].Pass(
      [&] { return pace.Ask(run_.Now(), static_cast<std::int64_t>(bytes)); },
      [this] { return !run_.Stopped(); });
}

void LoopRunner::Offer(PendingWrite* write, std::size_t t) {
  const EntryChunk& chunk = write->batch->chunk;
  const Entry& entry = chunk.entries[write->entry];
  write->offered |= static_cast<std::uint8_t>(1U << t);
  write->slots[t] = {this, write, t};
  write->successes_seen[t] = run_.target_gates[t].successes();
  ++write->outstanding;
  const bool if_absent = run_.spec.policy.targets[t].write.mode == api::Write::Mode::kIfAbsent;
  targets_[t]->Write(
      chunk.Key(entry), write->value, TtlOf(entry, t), if_absent,
      [slot = &write->slots[t]](const tl::expected<WriteOutcome, TargetError>& result) {
        slot->runner->Acknowledged(slot->write, slot->target, result);
      });
}

void LoopRunner::Acknowledged(PendingWrite* write, std::size_t t,
                              const tl::expected<WriteOutcome, TargetError>& result) {
  if (run_.write_pace[t]) {
    run_.write_pace[t]->Answered();
    write_turns_[t].Look();
  }
  OutageGate& gate = run_.target_gates[t];
  if (run_.capacity[t]) {
    const Entry& entry = write->batch->chunk.entries[write->entry];
    run_.capacity[t]->Landed(CapacityGate::Weight(entry.key_size, write->value.size()));
  }
  if (result) {
    const auto bit = static_cast<std::uint8_t>(1U << t);
    write->batch->missing[write->entry] &= static_cast<std::uint8_t>(~bit);
    if (*result == WriteOutcome::kWritten) write->written |= bit;
    gate.Succeeded();
  } else if (run_.Stopped()) {
    write->aborted = true;
  } else {
    const TargetError& error = result.error();
    write->failed = true;
    if (!error.whole_target) {
      gate.Answered();
    } else if (gate.Failed(run_.Now(), IsStanding(error), error.reason, error.message)) {
      run_.Stop(StopKind::kFatal, error.reason, error.message);
      write->aborted = true;
    }
    // What was refused for good is what the entry fails by, whatever else is only late.
    if (write->refused == 0) {
      write->reason = error.reason;
      write->message = error.message;
    }
    // While the target serves nobody, that is no entry's fault.
    const bool others_served = gate.successes() != write->successes_seen[t] && !error.node_down;
    if (!error.whole_target || others_served) write->counted = true;
    if (!error.retryable && !error.whole_target) {
      write->refused |= static_cast<std::uint8_t>(1U << t);
    }
  }
  if (--write->outstanding == 0) Settle(write);
}

// All targets of this round have answered.
void LoopRunner::Settle(PendingWrite* write) {
  Batch& batch = *write->batch;
  const std::uint8_t missing = batch.missing[write->entry];
  if (write->counted) ++write->attempts;
  const bool give_up = write->attempts > run_.spec.policy.retry.limit;
  if (NextTargets(*write) != 0 && !write->aborted && !give_up) {
    if (write->failed) return RetryLater(write);
    climbing_.push_back(write);
    return write_retry_.NotifyAll();
  }
  if (missing == 0) {
    Warmed(*write);
    Finish(batch);
  } else if (!write->aborted) {
    for (std::size_t t = 0; t < targets_.size(); ++t) {
      const bool lacks = (missing & write->offered & (1U << t)) != 0,
                 took = (write->written & (1U << t)) != 0;
      if (took) counters_.target_warmed[t].Add(1);
      if (took) ++batch.outcome.target_warmed[t];
      if (lacks) counters_.target_failed[t].Add(1);
      if (lacks) ++batch.outcome.target_failed[t];
    }
    Failed(batch, write->entry, write->reason, write->message);
    Finish(batch);
  }
  const bool was_full = pending_.Full();
  const bool fetched = write->fetched;
  pending_.Return(write);
  if (fetched) WriteEnded();
  if (was_full) {
    work_.NotifyOne();
    carry_.NotifyAll();
  }
  if (pending_.Idle() && Quiet()) WakeAll();
}

void LoopRunner::RetryLater(PendingWrite* write) {
  const Millis ceiling = BackoffCeiling(write->tries++, run_.spec.policy.retry.backoff,
                                        run_.spec.policy.retry.max_backoff);
  write->due = run_.Now() + jitter_.Below(ceiling);
  write_retries_.push_back(write);
  write_retry_.NotifyAll();
}

// The next value to offer (again); null: none before `next`.
PendingWrite* LoopRunner::NextToWrite(SteadyTime now, SteadyTime& next) {
  const auto when = [&](const PendingWrite& write) {
    std::optional<SteadyTime> again;
    if (write.due > now) again = write.due;
    const std::uint8_t targets = NextTargets(write);
    for (std::size_t t = 0; t < targets_.size() && !again; ++t) {
      if ((targets & (1U << t)) == 0) continue;
      again = run_.target_gates[t].Admit(now);
      if (again) again = std::min(*again, now + std::chrono::milliseconds(50));
    }
    return again;
  };
  if (!climbing_.empty()) {
    PendingWrite* write = climbing_.front();
    climbing_.pop_front();
    write->due = now;
    if (!when(*write)) return write;
    write_retries_.push_back(write);
  }
  next = climbing_.empty() ? SteadyTime::max() : now;
  for (std::size_t n = write_retries_.size(); n > 0; --n) {
    PendingWrite* write = write_retries_.front();
    write_retries_.pop_front();
    const auto again = when(*write);
    if (!again) return write;
    next = std::min(next, *again);
    write_retries_.push_back(write);
  }
  return nullptr;
}

asio::awaitable<void> LoopRunner::WriteRetrier() {
  while (!run_.Stopped() && !(Quiet() && pending_.Idle())) {
    SteadyTime next = SteadyTime::max();
    if (PendingWrite* write = NextToWrite(run_.Now(), next)) {
      co_await Submit(write);
    } else {
      co_await write_retry_.Wait(next);
    }
  }
}

void LoopRunner::Warmed(PendingWrite& write) {
  Batch& batch = *write.batch;
  if (write.written == 0) {  // somebody else was faster, everywhere
    Skipped(batch);
    return;
  }
  const Entry& entry = batch.chunk.entries[write.entry];
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    if ((write.written & (1U << t)) == 0) continue;
    counters_.target_warmed[t].Add(1);
    ++batch.outcome.target_warmed[t];
    // What lives no shorter than one that was written before it does not expire first.
    const Millis ttl = TtlOf(entry, t);
    if (ttl.count() > 0 && ttl < batch.shortest_ttl) {
      batch.shortest_ttl = ttl;
      const std::int64_t expiry = (run_.options.clock->Wall() + ttl).time_since_epoch().count();
      counters_.Expires(expiry);
      batch.outcome.first_expiry_us = std::min(batch.outcome.first_expiry_us, expiry);
    }
  }
  const auto size = static_cast<std::int64_t>(write.value.size());
  counters_.bytes.Add(size);
  batch.outcome.bytes += size;
  counters_.warmed.Add(1);
  ++batch.outcome.warmed;
  if (Sampled(entry.hash)) {
    batch.samples.push_back({write.entry, write.written, KeyHash(write.value), write.value.size()});
  }
}

void LoopRunner::Skipped(Batch& batch) {
  counters_.skipped.Add(1);
  ++batch.outcome.skipped;
}

void LoopRunner::Failed(Batch& batch, std::uint32_t entry, std::string_view reason,
                        std::string_view message) {
  const std::string_view key = batch.chunk.Key(batch.chunk.entries[entry]);
  counters_.failed.Add(1);
  ++batch.outcome.failed;
  batch.outcome.failures.Add(reason, key, message);
  run_.AddFailure(key, reason, message);
}

void LoopRunner::Finish(Batch& batch) {
  if (--batch.remaining > 0) return;
  const auto place = active_.find(&batch);
  BatchPtr owned = std::move(place->second);
  active_.erase(place);
  if (!ready_.empty() && ready_.front() == &batch) {
    ready_.pop_front();
    cursor_ = 0;
  }
  run_.ledger.Complete(batch.number, batch.outcome, std::move(batch.cursor));
  if (run_.queue.on_room) run_.queue.on_room();
  if (!batch.samples.empty()) {
    to_verify_.push_back(std::move(owned));
    verify_.NotifyAll();
  } else {
    batch_bytes_ -= batch.MemoryBytes();
    batches_.NotifyOne();
  }
  if (Drained()) WakeAll();
}

}  // namespace stoker::warming
