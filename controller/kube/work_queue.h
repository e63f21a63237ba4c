#pragma once

// Which objects need a look, each once however often it changed, and failing ones not too often.
//
// A key being worked on is never handed out twice at a time; a key added meanwhile comes again
// after Done(). AddRateLimited backs off exponentially per key (5 ms to 1,000 s); Forget resets it.
// As client-go's workqueue.
//
// Thread safety: all methods from any thread. Shutdown: after ShutDown() Get() returns nullopt at
// once, and what had been added is dropped: whoever needs it looks at everything when it starts.

#include <memory>
#include <optional>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/duration.h"

namespace stoker::kube {

struct WorkQueueStats {
  std::uint64_t adds = 0;
  std::uint64_t retries = 0;
  std::size_t depth = 0;
  double queue_seconds_sum = 0;
  double work_seconds_sum = 0;
  std::uint64_t done = 0;
  double longest_running_seconds = 0;
};

class WorkQueue {
 public:
  explicit WorkQueue(std::string name);
  ~WorkQueue();

  void Add(const std::string& key);
  void AddAfter(const std::string& key, Millis delay);
  void AddRateLimited(const std::string& key);
  void Forget(const std::string& key);
  std::optional<std::string> Get();  // blocks
  void Done(const std::string& key);
  void ShutDown();
  [[nodiscard]] WorkQueueStats Stats() const;
  [[nodiscard]] const std::string& name() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stoker::kube
