#pragma once

// The process's event loops: one thread and one asio::io_context each, shared by every run.
//
// A run spreads itself over the loops; each loop owns its own connections, so nothing on the data
// path is locked. A run keeps its work on a loop alive only by its own coroutines: when they have
// ended, nothing of the run is left there.
//
// Thread safety: any thread. Lifetime: outlives every Run. Shutdown: Stop() after all runs were
// waited for.

#include <asio/io_context.hpp>
#include <memory>
#include <vector>

namespace stoker::warming {

class LoopPool {
 public:
  explicit LoopPool(int loops);  // 0: AvailableCores()
  ~LoopPool();
  [[nodiscard]] int size() const;
  asio::io_context& Loop(int index);  // index taken modulo size
  void Stop();

  static LoopPool& Shared();  // made on first use, with the count of SetSharedSize
  static void SetSharedSize(int loops);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Cores that the cgroup (v1 or v2) and the affinity mask grant, at least 1.
int AvailableCores();

}  // namespace stoker::warming
