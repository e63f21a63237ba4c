#pragma once

// RESP2, both ways, for pipelines of many small commands.
//
// Commands are written in place into one growing buffer; replies are read in place, as views into
// the connection's buffer, without an allocation each. Lengths that a broken peer sends are capped
// before they are believed.
//
// Thread safety: plain values.

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include "controller/warming/target/receive_buffer.h"
#include "controller/warming/target/send_buffer.h"

namespace stoker::warming {

// Writes commands behind what `out` holds already.
class RespWriter {
 public:
  explicit RespWriter(SendBuffer& out) : out_(out) {}
  void Command(std::span<const std::string_view> parts);
  void Command(std::initializer_list<std::string_view> parts) {
    Command(std::span(parts.begin(), parts.size()));
  }
  // SET key value [PX ttl_ms] [NX]; no expiry when ttl_ms is 0.
  void Set(std::string_view key, std::string_view value, std::int64_t ttl_ms, bool if_absent);

 private:
  SendBuffer& out_;
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

// Reads the reply at the front of `data`. kOk sets `reply` and `used`; kMore touches nothing but
// `used`, which then says how long `data` must be at least; kBad: not RESP, or beyond a limit.
ParseStatus ParseReply(std::string_view data, const RespLimits& limits, RespReply& reply,
                       std::size_t& used);

// Takes the next reply off `from`, where it is there whole. Its text is valid until from.Room().
ParseStatus NextReply(ReceiveBuffer& from, RespReply& reply, const RespLimits& limits = {});

}  // namespace stoker::warming
