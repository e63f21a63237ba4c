#pragma once

// The commands that wait to be sent, written in place one behind the other.
//
// Thread safety: plain value.

#include <charconv>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace stoker::warming {

class SendBuffer {
 public:
  // Where `more` bytes may be written; Commit() says how many were.
  char* Reserve(std::size_t more);
  void Commit(std::size_t size) { size_ += size; }

  [[nodiscard]] std::string_view view() const { return {data_.get(), size_}; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  void Clear();  // keeps the memory, unless one large value made it unusually much
  void Swap(SendBuffer& other) noexcept;

 private:
  std::unique_ptr<char[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

// Each writes at `at`, where there is room, and returns the place behind.
inline char* PutText(char* at, std::string_view text) {
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
}
inline constexpr std::size_t kMostDigits = 20;
inline char* PutNumber(char* at, std::uint64_t number) {
  return std::to_chars(at, at + kMostDigits, number).ptr;
}

}  // namespace stoker::warming
