#include "controller/warming/target/receive_buffer.h"

#include <algorithm>
#include <cstring>

namespace stoker::warming {
namespace {

constexpr std::size_t kUsualBytes = 64 << 10;
constexpr std::size_t kKeptBytes = 1 << 20;  // a larger buffer goes back once its reply was taken

}  // namespace

std::span<char> ReceiveBuffer::Room() {
  const std::size_t held = end_ - begin_;
  if (held == 0 && capacity_ > kKeptBytes && needed_ <= kUsualBytes) Reset();
  if (held == capacity_) {
    const std::size_t wanted = std::max({needed_, held + 1, kUsualBytes});
    const std::size_t bigger = std::clamp(capacity_ * 2, kUsualBytes, wanted);
    std::unique_ptr<char[]> grown(new char[bigger]);
    if (held > 0) std::memcpy(grown.get(), data_.get() + begin_, held);
    data_ = std::move(grown);
    capacity_ = bigger;
  } else if (begin_ > 0 && held > 0) {
    std::memmove(data_.get(), data_.get() + begin_, held);
  }
  begin_ = 0;
  end_ = held;
  return {data_.get() + end_, capacity_ - end_};
}

void ReceiveBuffer::Reset() {
  begin_ = end_ = needed_ = 0;
  if (capacity_ <= kUsualBytes) return;
  data_.reset();
  capacity_ = 0;
}

}  // namespace stoker::warming
