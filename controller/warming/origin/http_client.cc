#include "controller/warming/origin/http_client.h"

#include <algorithm>
#include <strings.h>
#include <unordered_map>
#include <unordered_set>

#include "controller/warming/origin/http_connection.h"
#include "controller/warming/origin/retry_after.h"

namespace stoker::warming {
namespace {

using End = HttpConnection::End;
using ConnectionPtr = std::unique_ptr<HttpConnection>;
using Headers = std::vector<std::pair<std::string, std::string>>;

FetchError Fail(std::string reason, std::string message, bool retryable = false,
                bool connection = false) {
  FetchError error;
  error.reason = std::move(reason);
  error.message = std::move(message);
  error.retryable = retryable;
  error.connection = connection;
  return error;
}

FetchError FromConnect(ConnectError error) {
  using Reason = ConnectError::Reason;
  const bool final = error.reason == Reason::kTlsNotTrusted || error.reason == Reason::kEgressRefused ||
                     error.reason == Reason::kCancelled || error.code == Code::kInvalid;
  return Fail(std::string(ToString(error.reason)), std::move(error.message), !final, true);
}

// For sentences: a query may hold a token, so it stays out.
std::string Describe(const Url& url) {
  const std::string_view path = std::string_view(url.target).substr(0, url.target.find('?'));
  return (url.https ? "https://" : "http://") + url.host + ":" + url.port +
         std::string(path.substr(0, 160));
}

bool SameOrigin(const Url& a, const Url& b) {
  return a.https == b.https && a.host == b.host && a.port == b.port;
}

bool IsSafeHeader(const std::string& name, const std::string& value) {
  constexpr std::string_view kToken =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~";
  return !name.empty() && name.find_first_not_of(kToken) == std::string::npos &&
         std::none_of(value.begin(), value.end(), [](char c) {
           return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
         });
}

bool Is(const std::string& name, const char* other) { return strcasecmp(name.c_str(), other) == 0; }

// Headers that say nothing about who asks; the rest may come from Secrets.
bool MayCrossHosts(const std::string& name) {
  return Is(name, "accept") || Is(name, "accept-language");
}

bool IsOurs(const std::string& name) {
  return Is(name, "connection") || Is(name, "content-length") || Is(name, "transfer-encoding");
}

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool IsRetryable(int status) {
  return status == 408 || status == 425 || status == 429 ||
         (status >= 500 && status != 501 && status != 505);
}

}  // namespace

struct HttpClient::Impl : std::enable_shared_from_this<HttpClient::Impl> {
  // One scheme, host and port.
  struct Host {
    Endpoint endpoint;
    std::vector<ConnectionPtr> idle;       // the warmest last
    std::string tail, tail_for_strangers;  // what follows the target in a request
  };

  Impl(asio::io_context& l, std::shared_ptr<const EgressGuard> guard, HttpClientOptions o)
      : loop(l), options(std::move(o)), connector(l, std::move(guard), options.resolver) {
    for (const auto& [name, value] : options.headers) {
      if (!IsSafeHeader(name, value)) bad_header = "the header \"" + name.substr(0, 64) + "\"";
    }
  }

  asio::io_context& loop;
  const HttpClientOptions options;
  Connector connector;
  std::unordered_map<std::string, Host> hosts;
  std::unordered_set<HttpConnection*> busy;
  std::shared_ptr<const TlsContext> system_trust;
  std::string bad_header;
  bool cancelled = false;

  // Puts a connection among the busy, and takes it out again however the fetch ends.
  struct Busy {
    Busy(Impl& i, HttpConnection* c) : impl(i), connection(c) { impl.busy.insert(connection); }
    ~Busy() { impl.busy.erase(connection); }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;
    Impl& impl;
    HttpConnection* connection;
  };

  [[nodiscard]] std::string Tail(const Url& url, bool own) const {
    const bool v6 = url.host.find(':') != std::string::npos;
    const bool standard = url.port == (url.https ? "443" : "80");
    std::string authority = v6 ? "[" + url.host + "]" : url.host;
    if (!standard) authority += ":" + url.port;
    std::string agent = "User-Agent: " + options.user_agent + "\r\n";
    std::string encoding = options.accept_gzip ? "Accept-Encoding: gzip, deflate\r\n" : "";
    std::string accept = "Accept: */*\r\n";
    std::string others;
    for (const auto& [name, value] : options.headers) {
      if (IsOurs(name) || (!own && !MayCrossHosts(name))) continue;
      if (Is(name, "host")) {
        authority = value;
        continue;
      }
      if (Is(name, "user-agent")) agent.clear();
      if (Is(name, "accept-encoding")) encoding.clear();
      if (Is(name, "accept")) accept.clear();
      others += name + ": " + value + "\r\n";
    }
    return " HTTP/1.1\r\nHost: " + authority + "\r\n" + agent + accept + encoding + others + "\r\n";
  }

  Result<Host*> FindHost(const Url& url) {
    std::string key = (url.https ? "s" : "p") + url.host + ":" + url.port;
    if (const auto found = hosts.find(key); found != hosts.end()) return &found->second;
    Host host;
    host.endpoint = {url.host, url.port, nullptr};
    if (url.https) {
      STOKER_TRY(host.endpoint.tls, Trust());
    }
    host.tail = Tail(url, true);
    host.tail_for_strangers = Tail(url, false);
    return &hosts.emplace(std::move(key), std::move(host)).first->second;
  }

  Result<std::shared_ptr<const TlsContext>> Trust() {
    if (options.tls) return options.tls;
    if (!system_trust) {
      STOKER_TRY(system_trust, TlsContext::Make({}));
    }
    return system_trust;
  }

  static ConnectionPtr TakeIdle(Host& host) {
    while (!host.idle.empty()) {
      ConnectionPtr connection = std::move(host.idle.back());
      host.idle.pop_back();
      if (connection->Reusable()) return connection;
    }
    return nullptr;
  }

  void GiveBack(Host& host, ConnectionPtr connection) const {
    if (!connection->clean() || cancelled) return;
    if (host.idle.size() < static_cast<std::size_t>(options.max_idle_per_host)) {
      host.idle.push_back(std::move(connection));
    }
  }

  FetchError Explain(const Url& url, HttpConnection& connection, End end) const {
    const std::string where = Describe(url);
    switch (end) {
      case End::kTimeout: return Fail("Timeout", where + " did not answer in time", true);
      case End::kClosed: return Fail("Cancelled", where + ": cancelled");
      case End::kTooLarge:
        return Fail("BodyTooLarge", where + " " + std::string(connection.parser().complaint()) + " (at most " +
                                        std::to_string(options.max_body_bytes) + " bytes are taken)");
      case End::kStopped: return Fail("Cancelled", where + ": the reader had enough");
      case End::kBroken:
        return Fail("ConnectionReset", "GET " + where + ": " + connection.error(), true, true);
      default:
        return Fail("BadResponse", where + " " + std::string(connection.parser().complaint()), true);
    }
  }

  static FetchError ExplainStatus(const Url& url, ResponseParser& parser) {
    const int status = parser.status();
    FetchError error = Fail("HTTP" + std::to_string(status),
                            Describe(url) + " answered " + std::to_string(status) + " " +
                                http_status_str(static_cast<http_status>(status)),
                            IsRetryable(status));
    if ((status == 429 || status == 503) && !parser.retry_after().empty()) {
      error.retry_after = ParseRetryAfter(parser.retry_after(), SystemClock().Wall());
    }
    return error;
  }

  // One request and its whole response; `connection` holds it on success.
  asio::awaitable<std::optional<FetchError>> Request(Host& host, const Url& url, bool own,
                                                     SteadyTime deadline, const BodySink* sink,
                                                     ConnectionPtr& connection) {
    std::string request;
    request.reserve(512);
    request.append("GET ").append(url.target).append(own ? host.tail : host.tail_for_strangers);
    connection = TakeIdle(host);
    for (bool reused = connection != nullptr;; reused = false) {
      if (!connection) {
        ConnectResult stream = co_await connector.Connect(host.endpoint, deadline);
        if (!stream) co_return FromConnect(std::move(stream.error()));
        connection = std::make_unique<HttpConnection>(loop, std::move(*stream));
      }
      End end = End::kDone;
      {
        const Busy guard(*this, connection.get());
        end = co_await connection->Exchange(request, deadline, options.max_body_bytes, sink);
      }
      if (end == End::kDone) co_return std::nullopt;
      // The peer closed while the connection was idle, before it saw this request: once more, afresh.
      if (end == End::kBroken && reused && !connection->parser().started()) {
        connection.reset();
        continue;
      }
      // The status is known and the rest of an error's body does not matter.
      ResponseParser& parser = connection->parser();
      if (end == End::kTooLarge && parser.has_headers() && parser.status() >= 300) co_return std::nullopt;
      co_return Explain(url, *connection, end);
    }
  }

  // The URL of the next hop; an error when there shall be none.
  tl::expected<std::string, FetchError> Follow(const Url& url, ResponseParser& parser, int hops) const {
    if (parser.location().empty()) {
      return tl::make_unexpected(Fail("BadResponse", Describe(url) + " redirected without a Location"));
    }
    if (hops >= options.max_redirects) {
      return tl::make_unexpected(
          Fail("TooManyRedirects", Describe(url) + " was reached after " +
                                       std::to_string(options.max_redirects) +
                                       " redirects and redirects again"));
    }
    Result<std::string> next = ResolveUrl(url, parser.location());
    if (!next) {
      return tl::make_unexpected(Fail("BadResponse", Describe(url) + " redirected to a bad Location: " +
                                                         next.error().message));
    }
    return std::move(*next);
  }

  asio::awaitable<FetchResult> Fetch(std::string address, SteadyTime deadline,
                                     std::function<asio::awaitable<Status>()> before_redirect,
                                     BodySink sink) {
    const auto self = shared_from_this();
    bool own = true;  // still at the host that the headers are meant for
    Url previous;
    for (int hops = 0;; ++hops) {
      if (cancelled) co_return tl::make_unexpected(Fail("Cancelled", "cancelled"));
      if (!bad_header.empty()) {
        co_return tl::make_unexpected(
            Fail("InvalidRequest", bad_header + " has a character that headers cannot have"));
      }
      Result<Url> url = ParseUrl(address);
      if (!url) co_return tl::make_unexpected(Fail("InvalidURL", std::move(url.error().message)));
      own = own && (hops == 0 || SameOrigin(previous, *url));
      Result<Host*> host = FindHost(*url);
      if (!host) co_return tl::make_unexpected(Fail("InvalidRequest", std::move(host.error().message)));
      ConnectionPtr connection;
      std::optional<FetchError> failed =
          co_await Request(**host, *url, own, deadline, sink ? &sink : nullptr, connection);
      if (failed) co_return tl::make_unexpected(std::move(*failed));
      ResponseParser& parser = connection->parser();
      if (parser.status() / 100 == 2) {
        Fetched fetched{std::move(parser.body()), std::move(parser.content_type()), parser.wire_bytes()};
        GiveBack(**host, std::move(connection));
        co_return fetched;
      }
      if (!IsRedirect(parser.status()) || !options.follow_redirects) {
        FetchError error = ExplainStatus(*url, parser);
        GiveBack(**host, std::move(connection));
        co_return tl::make_unexpected(std::move(error));
      }
      tl::expected<std::string, FetchError> next = Follow(*url, parser, hops);
      GiveBack(**host, std::move(connection));
      if (!next) co_return tl::make_unexpected(std::move(next.error()));
      if (before_redirect) {
        Status allowed = co_await before_redirect();
        if (!allowed) {
          const bool cancel = allowed.error().code == Code::kCancelled;
          co_return tl::make_unexpected(Fail(cancel ? "Cancelled" : "Timeout",
                                             std::move(allowed.error().message), !cancel));
        }
      }
      address = std::move(*next);
      previous = std::move(*url);
    }
  }
};

HttpClient::HttpClient(asio::io_context& loop, std::shared_ptr<const EgressGuard> guard,
                       HttpClientOptions options)
    : impl_(std::make_shared<Impl>(loop, std::move(guard), std::move(options))) {}

HttpClient::~HttpClient() { Cancel(); }

asio::awaitable<FetchResult> HttpClient::Fetch(
    const std::string& url, SteadyTime deadline,
    const std::function<asio::awaitable<Status>()>& before_redirect) {
  return impl_->Fetch(url, deadline, before_redirect, nullptr);
}

asio::awaitable<FetchResult> HttpClient::FetchStreaming(
    const std::string& url, SteadyTime deadline,
    const std::function<asio::awaitable<Status>()>& before_redirect, BodySink sink) {
  return impl_->Fetch(url, deadline, before_redirect, std::move(sink));
}

void HttpClient::Cancel() {
  impl_->cancelled = true;
  impl_->connector.Cancel();
  for (HttpConnection* connection : impl_->busy) connection->Close();
  for (auto& [key, host] : impl_->hosts) host.idle.clear();
}

}  // namespace stoker::warming
