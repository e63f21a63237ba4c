#pragma once

// A first-in, first-out ring that grows by doubling and never gives memory back while in use.
//
// std::deque allocates and frees a block every few elements; a pipeline at full speed would feel
// it.
//
// Thread safety: plain value.

#include <cstddef>
#include <utility>
#include <vector>

namespace stoker::warming {

template <class T>
class PendingRing {
 public:
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }

  // Of a ring that is not empty.
  [[nodiscard]] T& front() { return slots_[head_]; }

  void Push(T item) {
    if (size_ == slots_.size()) Grow();
    slots_[(head_ + size_++) & (slots_.size() - 1)] = std::move(item);
  }

  T Pop() {
    T item = std::move(slots_[head_]);
    slots_[head_] = T();
    head_ = (head_ + 1) & (slots_.size() - 1);
    --size_;
    return item;
  }

  void Swap(PendingRing& other) noexcept {
    std::swap(slots_, other.slots_);
    std::swap(head_, other.head_);
    std::swap(size_, other.size_);
  }

 private:
  void Grow() {
    std::vector<T> bigger(slots_.empty() ? 64 : slots_.size() * 2);
    for (std::size_t i = 0; i < size_; ++i) {
      bigger[i] = std::move(slots_[(head_ + i) & (slots_.size() - 1)]);
    }
    slots_ = std::move(bigger);
    head_ = 0;
  }

  std::vector<T> slots_;  // a power of two
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace stoker::warming
