#pragma once

// The cache that is filled, as seen from one loop.
//
// Commands are pipelined: Write() appends to the connection's buffer and the acknowledgement comes
// by callback, so a thousand entries cost a few system calls. A full buffer (max_pending bytes or
// commands) is back-pressure: without HasRoom(), Writable() is awaited before Write(). Errors say whether the entry,
// or the whole target, is the problem.
//
// Thread safety: one loop. Shutdown: Cancel() fails everything pending at once with reason
// Cancelled.

#include <asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/duration.h"
#include "controller/base/result.h"

namespace stoker::warming {

struct TargetError {
  std::string reason;  // TargetUnavailable, TargetTimeout, TargetAuth, TargetOutOfMemory,
                       // TargetReadOnly, TargetLoading, TargetTLSNotTrusted, TargetTLSMismatch,
                       // TargetRejected, ValueTooLarge, KeyTooLong, EgressRefused, Cancelled
  std::string message;
  bool retryable = false;     // it may pass: try this command again later
  bool whole_target = false;  // every other entry would meet the same
  bool node_down = false;     // one of several nodes is being replaced: though others answer, that
                              // is no entry's fault
  std::string redirect{};     // of a cluster's node: "MOVED 3999 10.0.0.3:6379", as it said it

  // Wrong password, out of memory, read-only: waiting does not mend it, for any entry.
  [[nodiscard]] bool standing() const { return whole_target && !retryable; }
};

enum class WriteOutcome { kWritten, kPresent };  // kPresent: IfAbsent met a value that is there

using WriteDone = std::function<void(tl::expected<WriteOutcome, TargetError>)>;

struct Held {  // what a target holds for a key
  bool present = false;
  std::optional<Millis> ttl;  // none: no expiry
  std::optional<std::string> value;
};

struct Capacity {     // of one node of a target
  std::string where;  // host:port
  std::int64_t used_bytes = 0;
  std::int64_t most_bytes = 0;  // 0: no limit
  std::int64_t evicted = 0;     // keys, since it started
};

class Target {
 public:
  virtual ~Target() = default;
  // Dials and authenticates; further calls reconnect by themselves. Bounded by `deadline`.
  virtual asio::awaitable<tl::expected<void, TargetError>> Open(SteadyTime deadline) = 0;
  // Whether each key is held, and for at least `at_least` more (0: however shortly); in order.
  virtual asio::awaitable<tl::expected<std::vector<bool>, TargetError>> Probe(
      const std::vector<std::string_view>& keys, Millis at_least, SteadyTime deadline) = 0;
  // Whether there is room for another Write, and waiting until there is.
  [[nodiscard]] virtual bool HasRoom() const = 0;
  virtual asio::awaitable<void> Writable() = 0;
  // `key` and `value` stay where they are until `done` is called: a cluster sends them again to
  // where a slot has moved. ttl 0: no expiry.
  virtual void Write(std::string_view key, std::string_view value, Millis ttl, bool if_absent,
                     WriteDone done) = 0;
  // Reads back for verification: presence, remaining TTL, and the value.
  virtual asio::awaitable<tl::expected<std::vector<Held>, TargetError>> Read(
      const std::vector<std::string_view>& keys, SteadyTime deadline) = 0;
  // What its nodes use of their memory, after all that was written before. None at all: it has no
  // bounds, as only this process's own memory has none; a target that does not tell, or whose
  // nodes are not known yet, is an error.
  virtual asio::awaitable<tl::expected<std::vector<Capacity>, TargetError>> Measure(
      SteadyTime deadline) {
    static_cast<void>(deadline);
    co_return std::vector<Capacity>{};
  }
  virtual void Cancel() = 0;
};

}  // namespace stoker::warming
