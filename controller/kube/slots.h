#pragma once

// Bounds how many exchanges run at a time. The HTTP library would open a connection for every one.
//
// Thread safety: all methods from any thread.

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <utility>

namespace stoker::kube {

class Slots {
 public:
  explicit Slots(int count) : free_(count) {}

  // A slot held; gives it back when destroyed. False in a bool context: none was had.
  class Hold {
   public:
    Hold() = default;
    explicit Hold(Slots* slots) : slots_(slots) {}
    Hold(Hold&& other) noexcept : slots_(std::exchange(other.slots_, nullptr)) {}
    Hold& operator=(Hold&&) = delete;
    ~Hold() {
      if (slots_ != nullptr) slots_->Release();
    }
    explicit operator bool() const { return slots_ != nullptr; }

   private:
    Slots* slots_ = nullptr;
  };

  // Waits for a slot until the deadline passes or stop is requested.
  [[nodiscard]] Hold Acquire(std::chrono::steady_clock::time_point deadline,
                             const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_until(lock, stop, deadline, [this] { return free_ > 0; })) return {};
    --free_;
    return Hold(this);
  }

 private:
  void Release() {
    {
      const std::lock_guard lock(mutex_);
      ++free_;
    }
    changed_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  int free_;  // protected by mutex_
};

}  // namespace stoker::kube
