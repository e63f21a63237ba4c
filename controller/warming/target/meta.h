#pragma once

// Memcached's meta protocol (1.6 and newer), both ways, for pipelines of many small commands.
//
// A key of at most 250 bytes without spaces and control characters goes as it is; another one goes
// as base64, which the server undoes (flag b), so that it is stored under the very key, if it
// has at most 186 bytes.
//
// Thread safety: plain values, pure functions.

#include <cstdint>
#include <string>
#include <string_view>

#include "controller/base/clock.h"
#include "controller/base/duration.h"
#include "controller/warming/target/receive_buffer.h"
#include "controller/warming/target/send_buffer.h"

namespace stoker::warming {

// A key as the protocol carries it. Of a key that it keeps as it is, it is a view.
class MetaKey {
 public:
  static constexpr std::size_t kMost = 250;
  static constexpr std::size_t kMostBinary = 186;  // as base64: 248

  explicit MetaKey(std::string_view key);
  [[nodiscard]] bool valid() const { return !token_.empty(); }
  [[nodiscard]] bool binary() const { return size_ > 0; }
  [[nodiscard]] std::string_view token() const {
    return binary() ? std::string_view(encoded_, size_) : token_;
  }

 private:
  std::string_view token_;
  std::size_t size_ = 0;
  char encoded_[kMost];
};

// When an entry expires, as memcached wants to be told: in seconds from now, or beyond 30 days as a
// time of day. 0: never.
std::int64_t ExpiryOf(Millis ttl, WallTime now);

// Writes commands behind what `out` holds already.
class MetaWriter {
 public:
  explicit MetaWriter(SendBuffer& out) : out_(out) {}
  void Set(const MetaKey& key, std::string_view value, std::int64_t expiry, bool if_absent);
  void Get(const MetaKey& key, bool with_ttl, bool with_value);
  void Noop();
  void Stats();

 private:
  SendBuffer& out_;
};

struct MetaReply {
  enum class Type {
    kDone,       // HD: stored, or found
    kNotStored,  // NS: it is there already
    kMiss,       // EN
    kValue,      // VA
    kNoop,       // MN
    kStat,       // STAT: one of many
    kEnd,        // END of the stats
    kError,      // ERROR, CLIENT_ERROR ..., SERVER_ERROR ...
  };
  Type type = Type::kError;
  std::string_view text;  // kValue: the value; kError: the line; kStat: "name value"
  std::int64_t ttl = -1;  // kDone, kValue: seconds left, where it was asked for; -1: no expiry
};

// Takes the next reply off `from`, where it is there whole. Its text is valid until from.Room().
ParseStatus NextMetaReply(ReceiveBuffer& from, MetaReply& reply);

}  // namespace stoker::warming
