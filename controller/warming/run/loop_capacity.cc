// Looking after what targets can hold: before writes, and now and then.
#include <fmt/format.h>

#include "controller/warming/run/loop_runner.h"

namespace stoker::warming {
namespace {

constexpr std::chrono::seconds kBetweenMeasures{1};
constexpr std::chrono::seconds kMeasureDeadline{10};

}  // namespace

// Waits until the target has room for a write; false: it has none, and the run ends.
asio::awaitable<bool> LoopRunner::WaitForRoom(std::size_t t, std::int64_t weight) {
  CapacityGate& gate = *run_.capacity[t];
  while (!run_.Stopped()) {
    if (gate.Take(weight)) co_return true;
    if (measuring_) {
      co_await measured_.Wait();
    } else {
      co_await MeasureTarget(t, weight);
    }
  }
  co_return false;
}

asio::awaitable<void> LoopRunner::MeasureTarget(std::size_t t, std::int64_t weight) {
  measuring_ = true;
  for (int tries = 0; !run_.Stopped(); ++tries) {
    const auto nodes = co_await targets_[t]->Measure(run_.Now() + kMeasureDeadline);
    if (nodes) {
      if (const auto full = run_.capacity[t]->Measured(*nodes, weight)) TargetIsFull(t, *full);
      break;
    }
    if (!co_await TargetFailed(t, nodes.error(), tries)) break;
  }
  measuring_ = false;
  measured_.NotifyAll();
}

void LoopRunner::TargetIsFull(std::size_t t, const std::string& why) {
  const api::Target& target = run_.spec.policy.targets[t];
  const bool fail = target.capacity->on_exceed == api::Capacity::OnExceed::kFail;
  run_.Stop(
      fail ? StopKind::kFatal : StopKind::kCapacity, "CapacityExceeded",
      fmt::format("target {}: {}: stopped before it evicts what is hotter", target.name, why));
}

// On one loop: sees evictions, and what others bring into the target.
asio::awaitable<void> LoopRunner::CapacityWatcher() {
  while (!run_.Stopped() && !(Quiet() && pending_.Idle())) {
    for (std::size_t t = 0; t < targets_.size(); ++t) {
      if (run_.capacity[t] && !measuring_) co_await MeasureTarget(t, 0);
    }
    co_await measured_.Wait(run_.Now() + kBetweenMeasures);
  }
}

}  // namespace stoker::warming
