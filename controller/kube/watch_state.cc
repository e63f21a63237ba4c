#include "controller/kube/watch_state.h"

#include <algorithm>
#include <utility>

namespace stoker::kube {
namespace {

// A watch that ends sooner, with nothing new, is a failure; else we would ask in a hot loop.
constexpr Millis kShortWatch(1'000);
// A server that answers, but never well, may have lost the revisions that we know (a restored
// backup).
constexpr int kFailuresBeforeRelist = 5;

}  // namespace

WatchState::WatchState(BackoffOptions backoff, std::function<double()> random)
    : backoff_(backoff), random_(std::move(random)) {}

void WatchState::OnListed(const std::string& resource_version) {
  phase_ = WatchPhase::kWatch;
  resource_version_ = resource_version;
  progressed_ = true;
  if (!expired_) failures_ = 0;
}

void WatchState::OnProgress(const std::string& resource_version) {
  if (resource_version.empty() || resource_version == resource_version_) return;
  resource_version_ = resource_version;
  progressed_ = true;
  expired_ = false;
  failures_ = 0;
}

void WatchState::Relist() {
  phase_ = stream_list_works_ ? WatchPhase::kStreamList : WatchPhase::kPagedList;
  resource_version_.clear();
}

Millis WatchState::OnEnd(const Status& end, Millis lasted) {
  const bool progressed = std::exchange(progressed_, false);
  if (phase_ == WatchPhase::kStreamList) {
    // Refused, ended or silent before the list was complete: a server without WatchList does each
    // of these.
    const bool unsupported =
        end || end.error().code == Code::kInvalid || end.error().code == Code::kTimeout;
    if (unsupported) {
      stream_list_works_ = false;
      phase_ = WatchPhase::kPagedList;
      return Millis(0);
    }
    return Backoff();
  }
  if (phase_ == WatchPhase::kPagedList) return end ? Millis(0) : Backoff();
  if (end) return progressed || lasted >= kShortWatch ? Millis(0) : Backoff();
  if (end.error().code == Code::kExpired) {
    Relist();
    const bool again = std::exchange(expired_, true);
    return again ? Backoff() : Millis(0);
  }
  const Millis delay = Backoff();
  if (end.error().code != Code::kUnavailable && failures_ >= kFailuresBeforeRelist) Relist();
  // A silent peer: the connection is gone, the server may be well.
  return end.error().code == Code::kTimeout && lasted >= kShortWatch ? Millis(0) : delay;
}

Millis WatchState::Backoff() {
  Millis delay = backoff_.min;
  for (int i = 0; i < failures_ && delay < backoff_.max; ++i) delay *= 2;
  ++failures_;
  const auto jittered =
      static_cast<Millis::rep>(static_cast<double>(delay.count()) * (1.0 + random_()));
  return std::min(Millis(jittered), backoff_.max);
}

}  // namespace stoker::kube
