#pragma once

// HTTP/1.1 over the loop's own keep-alive connections, made for many small requests to few hosts.
//
// Responses are parsed by http_parser into one string, capped; Content-Length lies, early closes
// and endless bodies end in an error, never in a short value. gzip and deflate bodies are decoded
// under the same cap. A keep-alive connection that the peer closed while idle is replaced once, if
// not one byte of a response had come, and `leave` is asked once more: the dial took time, and
// tokens are not gathered. Headers from Secrets are never part of an error, and are not sent to
// another host after a redirect.
//
// Thread safety: one loop. Shutdown: Cancel() closes every connection.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "controller/warming/net/connect.h"
#include "controller/warming/origin/origin.h"

namespace stoker::warming {

struct HttpClientOptions {
  std::vector<std::pair<std::string, std::string>> headers;
  std::string user_agent = "stoker/0.1";
  std::size_t max_body_bytes = 16 << 20;
  std::shared_ptr<ByteBudget> budget;  // of the bodies in memory; null: they are not counted
  int max_redirects = 5;
  std::shared_ptr<const TlsContext> tls;  // for https URLs; null: the system's trust
  bool accept_gzip = true;
  int max_idle = 256;  // connections kept open between requests, over all hosts
  bool follow_redirects = true;
  bool discard_bodies = false;              // read past, whatever their size and encoding
  std::vector<std::string> keep_headers{};  // of responses, at most ten: see ResponseParser::kept()
  ResolverOptions resolver;
};

// A body in pieces, for sources that stream: returns false to stop.
using BodySink = std::function<bool(std::string_view)>;

// What a Fetch does not say. Neither headers nor body go where a redirect leads.
struct HttpRequest {
  std::string url;
  std::string headers{};              // of this request: whole lines
  std::optional<std::string> post{};  // the body of a POST; none: a GET
  bool any_status = false;            // every answer is Fetched, whatever it says
};

class HttpClient {
 public:
  HttpClient(asio::io_context& loop, std::shared_ptr<const EgressGuard> guard,
             HttpClientOptions options);
  ~HttpClient();
  // `url` is complete; `leave` as Origin::Fetch() has it, its time is added to the deadline.
  asio::awaitable<FetchResult> Fetch(const std::string& url, SteadyTime deadline,
                                     const Leave& leave);
  // The same for more than a GET.
  asio::awaitable<FetchResult> Send(HttpRequest request, SteadyTime deadline, const Leave& leave);
  // As Fetch(), the (decoded) body handed over as it comes; max_body_bytes bounds its sum.
  asio::awaitable<FetchResult> FetchStreaming(const std::string& url, SteadyTime deadline,
                                              const Leave& leave, BodySink sink);
  void Cancel();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// One small GET from plain threads (the controller reading a worker's /progress): status must be
// 200, body capped at `max_body`. Uses the shared loop pool.
Result<std::string> HttpGet(const std::string& url, Millis timeout, std::size_t max_body,
                            const EgressGuard& guard);

// A URL taken apart, enough for us: kInvalid when it is not http(s), has user info, or bad
// characters.
struct Url {
  bool https = false;
  std::string host;  // no brackets
  std::string port;
  std::string target;  // path and query, at least "/"; no fragment
};
Result<Url> ParseUrl(std::string_view text);
// RFC 3986 resolution of a Location header against the URL it came from.
Result<std::string> ResolveUrl(const Url& base, std::string_view reference);

}  // namespace stoker::warming
