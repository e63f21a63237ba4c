#pragma once

// How many requests a run may have in flight: places that its loops share.
//
// Every loop is owed an even share, and may borrow what the others leave free, so one loop with
// work uses the whole allowance. A loop below its share that found no place is *short*: until it
// got one nobody borrows, and whoever gives a place back learns whom to wake.
//
// Thread safety: a loop's own thread calls for that loop; loops do not lock each other.

#include <atomic>
#include <memory>

namespace stoker::warming {

class Places {
 public:
  // `total` >= `loops` >= 1.
  Places(int total, int loops);

  [[nodiscard]] bool Take(int loop);
  // Gives back what Take() gave. A loop that is short and now finds a place, to be woken; -1: none.
  int Give(int loop);
  [[nodiscard]] bool AnyFree() const { return free_.load(std::memory_order_relaxed) > 0; }
  [[nodiscard]] int ShareOf(int loop) const { return loops_[loop].share; }

 private:
  struct alignas(64) Loop {
    int share = 0;
    int held = 0;  // by its own thread alone
    std::atomic<bool> is_short{false};
  };
  bool TakeFree();
  void SetShort(Loop& loop, bool is_short);

  const int count_;
  const std::unique_ptr<Loop[]> loops_;
  std::atomic<int> free_;
  std::atomic<int> short_{0};  // how many loops are
};

}  // namespace stoker::warming
