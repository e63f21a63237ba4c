#pragma once

// How many bytes of values may be held at once, on their way from an origin to the targets.
//
// How large a value is shows only while it comes, and a hundred requests in flight may all turn out
// to bring a large one. So each holds what it has so far, and reads on only while there is room. Lest
// half-read values wait for each other for ever, one of them is favoured: it gets what it asks for
// even when there is nothing left. What is held is therefore never more than the budget and one
// value.
//
// Thread safety: the budget from any thread, a Hold from one at a time. Lifetime: a Hold keeps its
// budget alive.

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace stoker::warming {

class ByteBudget {
 public:
  explicit ByteBudget(std::int64_t bytes) : bytes_(bytes) {}

  // What one value holds; gives it back at its end.
  class Hold {
   public:
    Hold() = default;
    explicit Hold(std::shared_ptr<ByteBudget> budget) : budget_(std::move(budget)) {}
    Hold(Hold&& other) noexcept { *this = std::move(other); }
    Hold& operator=(Hold&& other) noexcept;
    ~Hold() { Release(); }

    // Holds `bytes` in all from now on, if it held less; false: there is no room, ask again later.
    [[nodiscard]] bool Grow(std::int64_t bytes);
    void Release();

   private:
    std::shared_ptr<ByteBudget> budget_;  // null: nothing is counted, there is always room
    std::int64_t held_ = 0;
    bool favoured_ = false;
  };

  [[nodiscard]] std::int64_t held() const { return held_.load(std::memory_order_relaxed); }

 private:
  bool Take(std::int64_t bytes);

  const std::int64_t bytes_;
  std::atomic<std::int64_t> held_{0};
  std::atomic<bool> favours_{false};  // somebody
};

}  // namespace stoker::warming
