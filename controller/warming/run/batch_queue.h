#pragma once

// Planned batches on their way to the loops, bounded by bytes.
//
// Locked once a batch, not once an entry. Nobody waits in here: loops and the reader have their own
// events and are woken by the hooks.
//
// Thread safety: any thread, but the hooks are set before the run starts.

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>

#include "controller/warming/run/batch.h"

namespace stoker::warming {

class BatchQueue {
 public:
  explicit BatchQueue(std::int64_t most_bytes)
      : most_bytes_(static_cast<std::size_t>(most_bytes)) {}

  std::function<void()> on_more;  // after the queue stopped being empty, or was closed
  std::function<void()> on_room;  // after something was taken

  [[nodiscard]] bool HasRoom() const {
    const std::lock_guard lock(mutex_);
    return bytes_ < most_bytes_;
  }
  void Push(BatchPtr batch) {
    {
      const std::lock_guard lock(mutex_);
      bytes_ += batch->MemoryBytes();
      batches_.push_back(std::move(batch));
    }
    if (on_more) on_more();
  }
  BatchPtr Pop() {  // null: nothing now
    BatchPtr batch;
    {
      const std::lock_guard lock(mutex_);
      if (batches_.empty()) return nullptr;
      batch = std::move(batches_.front());
      batches_.pop_front();
      bytes_ -= batch->MemoryBytes();
    }
    if (on_room) on_room();
    return batch;
  }
  void Close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    if (on_more) on_more();
  }
  // Nobody will take what is left.
  void Drop() {
    const std::lock_guard lock(mutex_);
    batches_.clear();
    bytes_ = 0;
  }
  // Closed and empty: nothing will come.
  [[nodiscard]] bool Ended() const {
    const std::lock_guard lock(mutex_);
    return closed_ && batches_.empty();
  }

 private:
  const std::size_t most_bytes_;
  mutable std::mutex mutex_;
  std::deque<BatchPtr> batches_;  // protected by mutex_, as all below
  std::size_t bytes_ = 0;
  bool closed_ = false;
};

}  // namespace stoker::warming
