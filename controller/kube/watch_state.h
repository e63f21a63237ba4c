#pragma once

// Decides what an informer does next: list, watch, wait. A pure machine, so that every lie of the
// server can be played to it without threads or time.
//
//   kStreamList --synced--> kWatch --410--> kStreamList        (WatchList: the list comes as
//   events)
//        | refused                 \--410--> kPagedList        (where the server has no WatchList)
//        v
//   kPagedList --listed--> kWatch
//
// Every end of an exchange is retryable; how soon is decided here too: at once after a clean end,
// else after a back-off that doubles with jitter and is forgotten when something new arrives.
//
// Thread safety: one thread.

#include <functional>
#include <string>

#include "controller/base/duration.h"
#include "controller/base/result.h"

namespace stoker::kube {

enum class WatchPhase { kStreamList, kPagedList, kWatch };

struct BackoffOptions {
  Millis min{800};
  Millis max{30'000};
};

class WatchState {
 public:
  // `random` gives numbers in [0, 1).
  WatchState(BackoffOptions backoff, std::function<double()> random);

  [[nodiscard]] WatchPhase phase() const { return phase_; }
  // Where to watch from; empty unless phase() is kWatch.
  [[nodiscard]] const std::string& resource_version() const { return resource_version_; }

  // The whole list has arrived, paged or streamed, as of `resource_version`.
  void OnListed(const std::string& resource_version);
  // An event or a bookmark arrived while watching.
  void OnProgress(const std::string& resource_version);
  // The exchange ended: how, and after how long. Returns how long to wait before the next.
  Millis OnEnd(const Status& end, Millis lasted);

 private:
  Millis Backoff();
  void Relist();

  const BackoffOptions backoff_;
  const std::function<double()> random_;
  WatchPhase phase_ = WatchPhase::kStreamList;
  std::string resource_version_;
  bool stream_list_works_ = true;
  bool progressed_ = false;  // in the exchange that is under way
  bool expired_ = false;     // by a 410, and nothing new was watched since
  int failures_ = 0;         // in a row
};

}  // namespace stoker::kube
