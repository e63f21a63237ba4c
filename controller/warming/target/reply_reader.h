#pragma once

// The replies that come over one connection, read in place.
//
// What a peer announces is not believed: the buffer grows with what has come (doubling), never with
// what a length promises, so a lying server costs it the bytes that it claims.
//
// Thread safety: plain value.

#include <cstddef>
#include <memory>
#include <span>

#include "controller/warming/target/resp.h"

namespace stoker::warming {

class ReplyReader {
 public:
  explicit ReplyReader(RespLimits limits = {}) : limits_(limits) {}

  // Takes the next reply that is here whole. kMore: read into Room(), tell Added(), and ask again.
  // `reply`'s text is valid until Room() or Reset().
  RespStatus Next(RespReply& reply);
  // Where the next bytes go; never empty.
  std::span<char> Room();
  void Added(std::size_t size) { end_ += size; }
  // For the next connection: forgets what is left, and gives an unusually large buffer back.
  void Reset();

 private:
  RespLimits limits_;
  std::unique_ptr<char[]> data_;
  std::size_t begin_ = 0, end_ = 0, capacity_ = 0;
  std::size_t needed_ = 0;  // by the reply at begin_, as far as is known
};

}  // namespace stoker::warming
