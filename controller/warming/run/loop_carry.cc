// Entries that brought their value: they ask nothing of an origin, so they take neither places nor
// tokens; what bounds them is how much the targets have not acknowledged yet.
#include <algorithm>

#include "controller/warming/run/loop_runner.h"

namespace stoker::warming {
namespace {

constexpr std::chrono::milliseconds kCarryLookAgain{50};  // while paused

}  // namespace

asio::awaitable<void> LoopRunner::Carrier() {
  while (run_.TakesWork() && !Drained()) {
    if (carried_.empty()) {
      co_await carry_.Wait();
      continue;
    }
    Batch& batch = *carried_.front();
    carried_.pop_front();
    batches_.NotifyOne();
    co_await Carry(batch);
  }
  if (--workers_ == 0) WakeAll();
}

// The batch is gone as soon as its last entry is finished: it is not looked at after that.
asio::awaitable<void> LoopRunner::Carry(Batch& batch) {
  const auto wanted = [&](std::uint32_t i) {
    return batch.chunk.entries[i].carries_value && batch.missing[i] != 0;
  };
  const auto count = static_cast<std::uint32_t>(batch.chunk.entries.size());
  std::uint32_t left = 0;
  for (std::uint32_t i = 0; i < count; ++i) left += wanted(i) ? 1 : 0;
  for (std::uint32_t i = 0; left > 0; ++i) {
    if (!wanted(i)) continue;
    if (!MayCarry() && !co_await WaitToCarry()) co_return;
    --left;
    const std::string_view value = batch.chunk.Value(batch.chunk.entries[i], run_.columns.size());
    PendingWrite* write = pending_.TakeCarried(&batch, i, value);
    if (!TrySubmit(write)) co_await Submit(write);
  }
}

// Nothing is in the way; else it is worth a closer look at what is, and at the clock.
bool LoopRunner::MayCarry() const {
  return run_.TakesWork() && !run_.Paused() && !pending_.Full() &&
         std::ranges::all_of(run_.target_gates,
                             [](const OutageGate& gate) { return gate.Closed(); });
}

// False: the run stops.
asio::awaitable<bool> LoopRunner::WaitToCarry() {
  while (run_.TakesWork()) {
    const SteadyTime now = run_.Now();
    if (run_.Paused()) {
      co_await carry_.Wait(now + kCarryLookAgain);
    } else if (const auto again = AskTargets(now)) {
      co_await carry_.Wait(*again);
    } else if (pending_.Full()) {
      co_await carry_.Wait();
    } else {
      co_return true;
    }
  }
  co_return false;
}

}  // namespace stoker::warming
