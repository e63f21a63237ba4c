#pragma once

// The bytes that come over one connection, read in place.
//
// What a peer announces is not believed: the buffer grows with what has come (doubling), never with
// what a length promises, so a lying server costs it the bytes that it claims.
//
// Thread safety: plain value.

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace stoker::warming {

// What looking for a whole reply at the front of the bytes came to.
enum class ParseStatus { kOk, kMore, kBad };

class ReceiveBuffer {
 public:
  // What has come and was not taken; valid until Room() or Reset().
  [[nodiscard]] std::string_view text() const { return {data_.get() + begin_, end_ - begin_}; }
  // The first `size` bytes of text() are done with.
  void Take(std::size_t size) {
    begin_ += size;
    needed_ = 0;
  }
  // text() must grow to `size` bytes, as far as is known, before it is worth another look.
  void Need(std::size_t size) { needed_ = size; }
  // Where the next bytes go; never empty.
  std::span<char> Room();
  void Added(std::size_t size) { end_ += size; }
  // For the next connection: forgets what is left, and gives an unusually large buffer back.
  void Reset();

 private:
  std::unique_ptr<char[]> data_;
  std::size_t begin_ = 0, end_ = 0, capacity_ = 0;
  std::size_t needed_ = 0;
};

}  // namespace stoker::warming
