#pragma once

// RESP2, both ways, for pipelines of many small commands.
//
// Commands are written in place into one growing buffer; replies are read in place, as views into
// the connection's buffer, without an allocation each. Lengths that a broken peer sends are capped
// before they are believed.
//
// Thread safety: plain values.

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string_view>

namespace stoker::warming {

// The commands that wait to be sent.
class RespWriter {
 public:
  void Command(std::initializer_list<std::string_view> parts);
  // SET key value [PX ttl_ms] [NX]; no expiry when ttl_ms is 0.
  void Set(std::string_view key, std::string_view value, std::int64_t ttl_ms, bool if_absent);
  [[nodiscard]] std::string_view view() const { return {data_.get(), size_}; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  void Clear();  // keeps the memory, unless one large value made it unusually much
  void Swap(RespWriter& other) noexcept;

 private:
  char* Reserve(std::size_t more);  // where `more` bytes may be written

  std::unique_ptr<char[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

struct RespReply {
  enum class Type { kSimple, kError, kInteger, kBulk, kNil, kArray };
  Type type = Type::kNil;
  std::string_view text;     // kSimple, kError, kBulk; valid until the buffer changes
  std::int64_t integer = 0;  // kInteger; kArray: how many replies follow
};

struct RespLimits {
  std::size_t max_line = 16 << 10;
  std::int64_t max_bulk = std::int64_t{512} << 20;
  std::int64_t max_array = 1 << 20;
};

enum class RespStatus { kOk, kMore, kBad };

// Reads the reply at the front of `data`. kOk sets `reply` and `used`; kMore touches nothing but
// `used`, which then says how long `data` must be at least; kBad: not RESP, or beyond a limit.
RespStatus ParseReply(std::string_view data, const RespLimits& limits, RespReply& reply,
                      std::size_t& used);

}  // namespace stoker::warming
