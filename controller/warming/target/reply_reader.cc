#include "controller/warming/target/reply_reader.h"

#include <algorithm>
#include <cstring>

namespace stoker::warming {
namespace {

constexpr std::size_t kUsual = 64 << 10;
constexpr std::size_t kKept = 1 << 20;  // a larger buffer goes back once its reply was taken

}  // namespace

RespStatus ReplyReader::Next(RespReply& reply) {
  std::size_t used = 0;
  const RespStatus status = ParseReply({data_.get() + begin_, end_ - begin_}, limits_, reply, used);
  if (status == RespStatus::kOk) begin_ += used;
  needed_ = status == RespStatus::kMore ? used : 0;
  return status;
}

std::span<char> ReplyReader::Room() {
  const std::size_t held = end_ - begin_;
  if (held == 0 && capacity_ > kKept && needed_ <= kUsual) Reset();
  if (held == capacity_) {
    const std::size_t wanted = std::max({needed_, held + 1, kUsual});
    const std::size_t bigger = std::clamp(capacity_ * 2, kUsual, wanted);
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

void ReplyReader::Reset() {
  begin_ = end_ = needed_ = 0;
  if (capacity_ <= kUsual) return;
  data_.reset();
  capacity_ = 0;
}

}  // namespace stoker::warming
