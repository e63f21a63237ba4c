#pragma once

// Reads /progress of worker pods, away from the threads that reconcile.
//
// A worker may be slow, gone, or not what it says: each read has a second and 64 KiB, and only pods
// that their run's Job controls are handed in here. Answers are kept until the pod is no longer
// followed.
//
// Thread safety: Follow() and Latest() from any thread. Shutdown: Stop() joins within one read's
// timeout.

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/reconcile/shards.h"

namespace stoker::reconcile {

class PodProgress {
 public:
  // `get` fetches the body of http://<ip>:<port>/progress.
  using Getter = std::function<Result<std::string>(const std::string& url)>;
  explicit PodProgress(Getter get, int threads = 4);
  ~PodProgress();

  // Replaces what is followed for this Job; an empty list forgets it.
  void Follow(const std::string& job_uid, const std::vector<WorkerPod>& pods);
  // By pod UID.
  [[nodiscard]] std::map<std::string, warming::Progress> Latest(const std::string& job_uid) const;
  void Stop();

 private:
  struct Followed {
    std::string job_uid;
    std::string url;
    bool busy = false;
    SteadyTime due;
    std::optional<warming::Progress> latest;
  };
  void Work();

  const Getter get_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopped_ = false;                  // protected by mutex_
  std::map<std::string, Followed> pods_;  // by pod UID; protected by mutex_
  std::vector<std::thread> threads_;
};

// The Getter of a controller: warming::HttpGet with a second and 64 KiB.
PodProgress::Getter HttpProgressGetter();

}  // namespace stoker::reconcile
