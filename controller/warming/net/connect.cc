#include "controller/warming/net/connect.h"

#include <charconv>
#include <set>
#include <utility>

#include "controller/warming/net/dial.h"
#include "controller/warming/net/name_cache.h"
#include "controller/warming/net/stream.h"
#include "controller/warming/net/waiting.h"

namespace stoker::warming {
namespace {

using Reason = ConnectError::Reason;

Result<std::uint16_t> ParsePort(std::string_view text) {
  int port = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (ec != std::errc() || end != text.data() + text.size() || port < 1 || port > 65535) {
    return Invalid("\"" + std::string(text.substr(0, 32)) + "\" is not a port (1 to 65535)");
  }
  return static_cast<std::uint16_t>(port);
}

}  // namespace

std::string_view ToString(ConnectError::Reason reason) {
  switch (reason) {
    case Reason::kRefused:
      return "ConnectionRefused";
    case Reason::kReset:
      return "ConnectionReset";
    case Reason::kUnreachable:
      return "Unreachable";
    case Reason::kUnknownHost:
      return "UnknownHost";
    case Reason::kResolver:
      return "ResolverFailed";
    case Reason::kTlsNotTrusted:
      return "TLSNotTrusted";
    case Reason::kTls:
      return "TLSFailed";
    case Reason::kNotTls:
      return "NotTLS";
    case Reason::kEgressRefused:
      return "EgressRefused";
    case Reason::kTimeout:
      return "Timeout";
    case Reason::kCancelled:
      return "Cancelled";
  }
  return "Unreachable";
}

Result<Endpoint> ParseHostPort(std::string_view text, std::string_view default_port) {
  Endpoint endpoint;
  std::string_view rest;
  const Error bad = Invalid("\"" + std::string(text.substr(0, 128)) +
                            "\" is not an address: write host:port, or [ipv6]:port");
  if (!text.empty() && text.front() == '[') {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return bad;
    endpoint.host = text.substr(1, close - 1);
    rest = text.substr(close + 1);
    std::error_code ec;
    asio::ip::make_address_v6(endpoint.host, ec);
    if (ec) return bad;
  } else {
    const auto colon = text.find(':');
    if (colon != std::string_view::npos && text.find(':', colon + 1) != std::string_view::npos) {
      return bad;  // an IPv6 address without brackets
    }
    endpoint.host = text.substr(0, colon);
    if (colon != std::string_view::npos) rest = text.substr(colon);
  }
  if (endpoint.host.empty() || endpoint.host.size() > 253 ||
      endpoint.host.find_first_of(" \t\r\n/@?#") != std::string::npos) {
    return bad;
  }
  if (!rest.empty() && rest.front() != ':') return bad;
  endpoint.port = rest.empty() ? std::string(default_port) : std::string(rest.substr(1));
  STOKER_CHECK(ParsePort(endpoint.port));
  return endpoint;
}

struct Connector::Impl {
  // A wait that Cancel() can end, for as long as this lives.
  struct Cancellable {
    explicit Cancellable(std::shared_ptr<Impl> i) : impl(std::move(i)), waiter(impl->loop) {
      impl->waiting.insert(&waiter);
      if (impl->cancelled) waiter.Cancel();
    }
    ~Cancellable() { impl->waiting.erase(&waiter); }
    Cancellable(const Cancellable&) = delete;
    Cancellable& operator=(const Cancellable&) = delete;
    std::shared_ptr<Impl> impl;
    Waiter waiter;
  };

  Impl(asio::io_context& l, std::shared_ptr<const EgressGuard> g, ResolverOptions r)
      : loop(l), guard(std::move(g)), names(std::make_shared<NameCache>(l, std::move(r))) {}

  asio::io_context& loop;
  const std::shared_ptr<const EgressGuard> guard;
  const std::shared_ptr<NameCache> names;
  std::set<Waiter*> waiting;
  bool cancelled = false;

  static asio::awaitable<ConnectResult> Connect(std::shared_ptr<Impl> self, Endpoint endpoint,
                                                SteadyTime deadline) {
    const std::string where = endpoint.host + ":" + endpoint.port;
    const auto port = ParsePort(endpoint.port);
    if (!port) {
      co_return tl::make_unexpected(
          ConnectError(Reason::kUnreachable, Code::kInvalid, where + ": " + port.error().message));
    }
    Cancellable asking(self);
    auto addresses =
        co_await NameCache::Resolve(self->names, endpoint.host, asking.waiter, deadline);
    if (!addresses) co_return tl::make_unexpected(std::move(addresses.error()));
    Cancellable dialling(self);
    auto socket = co_await Dial(self->loop, std::move(*addresses), *port, *self->guard, where,
                                dialling.waiter, deadline);
    if (!socket) {
      self->names->Forget(endpoint.host);
      co_return tl::make_unexpected(std::move(socket.error()));
    }
    if (!endpoint.tls) co_return MakePlainStream(std::move(*socket), where);
    Cancellable shaking(self);
    co_return co_await MakeTlsStream(std::move(*socket), std::move(endpoint), shaking.waiter,
                                     deadline);
  }
};

Connector::Connector(asio::io_context& loop, std::shared_ptr<const EgressGuard> guard,
                     ResolverOptions resolver)
    : impl_(std::make_shared<Impl>(loop, std::move(guard), std::move(resolver))) {}

Connector::~Connector() { Cancel(); }

asio::awaitable<ConnectResult> Connector::Connect(const Endpoint& endpoint, SteadyTime deadline) {
  return Impl::Connect(impl_, endpoint, deadline);
}

void Connector::Cancel() {
  impl_->cancelled = true;
  for (Waiter* waiter : impl_->waiting) waiter->Cancel();
}

}  // namespace stoker::warming
