#include "controller/warming/target/send_buffer.h"

#include <algorithm>
#include <utility>

namespace stoker::warming {
namespace {

constexpr std::size_t kSmallestSend = 64 << 10;
constexpr std::size_t kMostKeptSend = 4 << 20;
constexpr std::size_t kMostSpareSend = 2 << 20;  // beyond what is needed, when it grows

}  // namespace

char* SendBuffer::Reserve(std::size_t more) {
  if (size_ + more > capacity_) {
    const std::size_t needed = size_ + more;
    const std::size_t bigger =
        std::max({kSmallestSend, needed, std::min(capacity_ * 2, needed + kMostSpareSend)});
    std::unique_ptr<char[]> grown(new char[bigger]);
    if (size_ > 0) std::memcpy(grown.get(), data_.get(), size_);
    data_ = std::move(grown);
    capacity_ = bigger;
  }
  return data_.get() + size_;
}

void SendBuffer::Clear() {
  size_ = 0;
  if (capacity_ <= kMostKeptSend) return;
  data_.reset();
  capacity_ = 0;
}

void SendBuffer::Swap(SendBuffer& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(capacity_, other.capacity_);
}

}  // namespace stoker::warming
