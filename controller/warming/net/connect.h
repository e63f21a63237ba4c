#pragma once

// A byte stream to host:port, plain or TLS, with a deadline that holds and addresses that are
// allowed.
//
// Names are resolved by c-ares on the loop itself (a hanging name server costs the deadline, no
// thread); addresses are tried in turn (RFC 8305 order, 250 ms head start), each one judged by the
// egress guard just before its dial, so that a DNS answer cannot smuggle a refused address in. TLS
// >= 1.2, the name verified, no SNI for IP addresses.
//
// Thread safety: a Connector and its Streams belong to one loop. Lifetime: a Stream outlives the
// calls on it. Cancellation: closing the stream or Cancel() of the connector aborts what waits.

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/address.hpp>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "controller/base/clock.h"
#include "controller/base/duration.h"
#include "controller/base/result.h"
#include "controller/warming/net/egress.h"
#include "controller/warming/net/tls.h"

namespace stoker::warming {

class Stream {
 public:
  virtual ~Stream() = default;
  // 0 bytes: the peer ended the stream. Errors carry a sentence and kUnavailable or kTimeout.
  virtual asio::awaitable<Result<std::size_t>> ReadSome(char* data, std::size_t size) = 0;
  virtual asio::awaitable<Status> WriteAll(std::string_view data) = 0;
  // Hands over what the kernel takes at once, without waiting; 0 when it takes nothing (or over
  // TLS).
  virtual std::size_t TryWrite(std::string_view data) = 0;
  // Between two requests: false when the peer has closed, or sent bytes nobody asked for.
  [[nodiscard]] virtual bool IsQuiet() = 0;
  // Aborts whatever waits on this stream, now. Idempotent.
  virtual void Close() = 0;
  [[nodiscard]] virtual bool IsOpen() const = 0;
};

struct Endpoint {
  std::string host;  // name, IPv4, or IPv6 without brackets
  std::string port;
  std::shared_ptr<const TlsContext> tls;  // null: plain
};

// Splits "host:port" and "[v6]:port".
Result<Endpoint> ParseHostPort(std::string_view text, std::string_view default_port = {});

struct ResolverOptions {
  std::string servers;  // "10.96.0.10,10.96.0.11:5353"; empty: those of /etc/resolv.conf
  Millis attempt_timeout{2'000};
  int attempts = 3;
};

struct ConnectError : Error {
  enum class Reason {
    kRefused,
    kReset,
    kUnreachable,
    kUnknownHost,
    kResolver,
    kTlsNotTrusted,
    kTls,
    kNotTls,  // the peer answered a TLS handshake in plain text
    kEgressRefused,
    kTimeout,
    kCancelled,
  };
  Reason reason = Reason::kUnreachable;
  ConnectError(Reason why, Code code, std::string sentence)
      : Error{code, std::move(sentence)}, reason(why) {}
};
// CamelCase, as origins report it: ConnectionRefused, UnknownHost, TLSNotTrusted, ...
std::string_view ToString(ConnectError::Reason reason);

using ConnectResult = tl::expected<std::unique_ptr<Stream>, ConnectError>;

class Connector {
 public:
  Connector(asio::io_context& loop, std::shared_ptr<const EgressGuard> guard,
            ResolverOptions resolver = {});
  ~Connector();
  // kUnavailable, with reasons a person can act on: "redis.shop:6379 refused the connection",
  // "redis.shop: no such host", "redis.shop:6380: certificate not trusted (self-signed
  // certificate)"; kTimeout; kPermission when the egress guard refuses.
  asio::awaitable<ConnectResult> Connect(const Endpoint& endpoint, SteadyTime deadline);
  // Every Connect in flight, and every later one, ends with kCancelled.
  void Cancel();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace stoker::warming
