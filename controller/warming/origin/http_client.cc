#include "controller/warming/origin/http_client.h"

#include <unordered_set>

#include "controller/warming/origin/http_connection.h"
#include "controller/warming/origin/http_hosts.h"
#include "controller/warming/origin/retry_after.h"

namespace stoker::warming {
namespace {

using End = HttpConnection::End;
using ConnectionPtr = HttpHosts::ConnectionPtr;

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
  const bool final = error.reason == Reason::kTlsNotTrusted ||
                     error.reason == Reason::kEgressRefused || error.reason == Reason::kCancelled ||
                     error.code == Code::kInvalid;
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

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool IsRetryable(int status) {
  return status == 408 || status == 425 || status == 429 ||
         (status >= 500 && status != 501 && status != 505);
}

FetchError ExplainEnd(const Url& url, HttpConnection& connection, End end, std::size_t max_body) {
  const std::string where = Describe(url);
  const std::string complaint(connection.parser().complaint());
  switch (end) {
    case End::kTimeout:
      return Fail("Timeout", where + " did not answer in time", true);
    case End::kClosed:
      return Fail("Cancelled", where + ": cancelled");
    case End::kTooLarge:
      return Fail("BodyTooLarge", where + " " + complaint + " (at most " +
                                      std::to_string(max_body) + " bytes of body are taken)");
    case End::kStopped:
      return Fail("Cancelled", where + ": the reader had enough");
    case End::kBroken:
      // It accepted the connection: what broke it may well be this one entry.
      return Fail("ConnectionReset", "GET " + where + ": " + connection.error(), true);
    default:
      return Fail("BadResponse", where + " " + complaint, true);
  }
}

FetchError ExplainStatus(const Url& url, const ResponseParser& parser) {
  const int status = parser.status();
  FetchError error = Fail("HTTP" + std::to_string(status),
                          Describe(url) + " answered " + std::to_string(status) + " " +
                              http_status_str(static_cast<http_status>(status)),
                          IsRetryable(status));
  error.not_found = status == 404 || status == 410;
  if ((status == 429 || status == 503) && !parser.retry_after().empty()) {
    error.retry_after = ParseRetryAfter(parser.retry_after(), SystemClock().Wall());
  }
  return error;
}

// The URL of the next hop; an error when there shall be none.
tl::expected<std::string, FetchError> NextHop(const Url& url, const ResponseParser& parser,
                                              int hops, int max_hops) {
  if (parser.location().empty()) {
    return tl::make_unexpected(
        Fail("BadResponse", Describe(url) + " redirected without a Location"));
  }
  if (hops >= max_hops) {
    return tl::make_unexpected(Fail("TooManyRedirects", Describe(url) + " was reached after " +
                                                            std::to_string(max_hops) +
                                                            " redirects and redirects again"));
  }
  Result<std::string> next = ResolveUrl(url, parser.location());
  if (!next) {
    return tl::make_unexpected(Fail(
        "BadResponse", Describe(url) + " redirected to a bad Location: " + next.error().message));
  }
  return std::move(*next);
}

// What one Fetch was asked for. The coroutine of Fetch() owns it.
struct Call {
  HttpRequest request;
  SteadyTime deadline;
  Leave leave;
  BodySink sink;
};

void Write(const HttpRequest& request, const HttpHost& host, const Url& url, bool own,
           std::string& out) {
  const bool posts = own && request.post;
  out.assign(posts ? "POST " : "GET ").append(url.target);
  out.append(own ? host.tail : host.tail_for_strangers);
  if (own) out.append(request.headers);
  if (posts) out.append("Content-Length: ").append(std::to_string(request.post->size()) + "\r\n");
  out.append("\r\n");
  if (posts) out.append(*request.post);
}

asio::awaitable<std::optional<FetchError>> AskLeave(Call& call) {
  if (!call.leave) co_return std::nullopt;
  const SteadyTime asked = std::chrono::steady_clock::now();
  Status allowed = co_await call.leave();
  const auto waited = std::chrono::steady_clock::now() - asked;
  if (call.deadline < SteadyTime::max() - waited) call.deadline += waited;
  if (allowed) co_return std::nullopt;
  const bool cancelled = allowed.error().code == Code::kCancelled;
  co_return Fail(cancelled ? "Cancelled" : "Timeout", std::move(allowed.error().message),
                 !cancelled);
}

}  // namespace

struct HttpClient::Impl {
  Impl(asio::io_context& l, std::shared_ptr<const EgressGuard> guard, HttpClientOptions o)
      : loop(l),
        options(std::move(o)),
        connector(l, std::move(guard), options.resolver),
        hosts(options) {}

  asio::io_context& loop;
  const HttpClientOptions options;
  Connector connector;
  HttpHosts hosts;
  std::unordered_set<HttpConnection*> busy;
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

  [[nodiscard]] ResponseParser::Bodies BodiesOf(const Call& call) const {
    using Bodies = ResponseParser::Bodies;
    if (options.discard_bodies) return Bodies::kNone;
    return call.request.any_status ? Bodies::kAll : Bodies::kOfValues;
  }

  // One request and its whole response; `connection` holds it on success.
  asio::awaitable<std::optional<FetchError>> Request(Call& call, HttpHost& host, const Url& url,
                                                     bool own, ConnectionPtr& connection,
                                                     ByteBudget::Hold& hold) {
    connection = hosts.TakeIdle(host);
    for (bool reused = connection != nullptr;; reused = false) {
      if (!connection) {
        ConnectResult stream = co_await connector.Connect(host.endpoint, call.deadline);
        if (!stream) {
          // Dials that fail are paced, too.
          if (auto refused = co_await AskLeave(call)) co_return refused;
          co_return FromConnect(std::move(stream.error()));
        }
        connection = std::make_unique<HttpConnection>(loop, std::move(*stream));
        if (!options.keep_headers.empty()) connection->parser().Keep(&options.keep_headers);
      }
      if (auto refused = co_await AskLeave(call)) co_return refused;
      if (cancelled) co_return Fail("Cancelled", Describe(url) + ": cancelled");
      if (reused && !connection->Reusable()) {  // closed while it waited for leave
        connection.reset();
        continue;
      }
      Write(call.request, host, url, own, connection->request());
      End end = End::kDone;
      {
        const Busy guard(*this, connection.get());
        end = co_await connection->Exchange({call.deadline, options.max_body_bytes,
                                             call.sink ? &call.sink : nullptr,
                                             call.sink ? nullptr : &hold, BodiesOf(call)});
      }
      if (end == End::kDone) co_return std::nullopt;
      if (end == End::kBroken && reused && !connection->parser().started()) {
        // The peer closed while the connection was idle, most likely before it saw this request:
        // once more.
        connection.reset();
        continue;
      }
      // The status is known and the rest of an error's body does not matter.
      const ResponseParser& parser = connection->parser();
      if (end == End::kTooLarge && parser.has_headers() && parser.status() >= 300)
        co_return std::nullopt;
      co_return ExplainEnd(url, *connection, end, options.max_body_bytes);
    }
  }

  static asio::awaitable<FetchResult> Fetch(std::shared_ptr<Impl> self, Call call) {
    bool own = true;  // still at the host that the headers are meant for
    Url previous;
    std::string first_host;
    for (int hops = 0;; ++hops) {
      if (self->cancelled) co_return tl::make_unexpected(Fail("Cancelled", "cancelled"));
      Result<Url> url = ParseUrl(call.request.url);
      if (!url) co_return tl::make_unexpected(Fail("InvalidURL", std::move(url.error().message)));
      own = own && (hops == 0 || SameOrigin(previous, *url));
      if (hops == 0) first_host = url->host;
      Result<std::shared_ptr<HttpHost>> host = self->hosts.Find(*url, url->host == first_host);
      if (!host)
        co_return tl::make_unexpected(Fail("InvalidRequest", std::move(host.error().message)));
      ConnectionPtr connection;
      ByteBudget::Hold hold(self->options.budget);
      std::optional<FetchError> failed =
          co_await self->Request(call, **host, *url, own, connection, hold);
      if (failed) {
        if (!own) failed->connection = false;  // that host is not the origin
        co_return tl::make_unexpected(std::move(*failed));
      }
      ResponseParser& parser = connection->parser();
      FetchResult result;
      const bool redirects = IsRedirect(parser.status()) && self->options.follow_redirects;
      if (parser.brings_value() || (call.request.any_status && !redirects)) {
        result = Fetched{std::move(parser.body()), std::move(parser.content_type()),
                         parser.wire_bytes(),      parser.link(),
                         std::move(hold),          parser.status(),
                         std::move(parser.kept())};
      } else if (!redirects) {
        result = tl::make_unexpected(ExplainStatus(*url, parser));
      } else if (auto next = NextHop(*url, parser, hops, self->options.max_redirects)) {
        call.request.url = std::move(*next);
      } else {
        result = tl::make_unexpected(std::move(next.error()));
      }
      if (!self->cancelled) self->hosts.GiveBack(**host, std::move(connection));
      if (!redirects || !result) co_return result;
      previous = std::move(*url);
    }
  }
};

HttpClient::HttpClient(asio::io_context& loop, std::shared_ptr<const EgressGuard> guard,
                       HttpClientOptions options)
    : impl_(std::make_shared<Impl>(loop, std::move(guard), std::move(options))) {}

HttpClient::~HttpClient() { Cancel(); }

asio::awaitable<FetchResult> HttpClient::Fetch(const std::string& url, SteadyTime deadline,
                                               const Leave& leave) {
  return Impl::Fetch(impl_, {{url}, deadline, leave, nullptr});
}

asio::awaitable<FetchResult> HttpClient::Send(HttpRequest request, SteadyTime deadline,
                                              const Leave& leave) {
  return Impl::Fetch(impl_, {std::move(request), deadline, leave, nullptr});
}

asio::awaitable<FetchResult> HttpClient::FetchStreaming(const std::string& url, SteadyTime deadline,
                                                        const Leave& leave, BodySink sink) {
  return Impl::Fetch(impl_, {{url}, deadline, leave, std::move(sink)});
}

void HttpClient::Cancel() {
  impl_->cancelled = true;
  impl_->connector.Cancel();
  for (HttpConnection* connection : impl_->busy) connection->Close();
  impl_->hosts.CloseIdle();
}

}  // namespace stoker::warming
