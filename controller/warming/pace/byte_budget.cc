#include "controller/warming/pace/byte_budget.h"

#include <utility>

namespace stoker::warming {

bool ByteBudget::Take(std::int64_t bytes) {
  std::int64_t held = held_.load(std::memory_order_relaxed);
  while (held + bytes <= bytes_) {
    if (held_.compare_exchange_weak(held, held + bytes, std::memory_order_relaxed)) return true;
  }
  return false;
}

ByteBudget::Hold& ByteBudget::Hold::operator=(Hold&& other) noexcept {
  if (this == &other) return *this;
  Release();
  budget_ = std::move(other.budget_);
  held_ = std::exchange(other.held_, 0);
  favoured_ = std::exchange(other.favoured_, false);
  return *this;
}

bool ByteBudget::Hold::Grow(std::int64_t bytes) {
  const std::int64_t more = bytes - held_;
  if (!budget_ || more <= 0) return true;
  if (!budget_->Take(more)) {
    if (!favoured_ && budget_->favours_.exchange(true, std::memory_order_acq_rel)) return false;
    favoured_ = true;
    budget_->held_.fetch_add(more, std::memory_order_relaxed);
  }
  held_ = bytes;
  return true;
}

void ByteBudget::Hold::Release() {
  if (!budget_) return;
  budget_->held_.fetch_sub(std::exchange(held_, 0), std::memory_order_relaxed);
  if (std::exchange(favoured_, false)) budget_->favours_.store(false, std::memory_order_release);
}

}  // namespace stoker::warming
