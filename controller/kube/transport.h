#pragma once

// One HTTP exchange with the API server, and nothing else. The only implementation that talks to a
// network is cpprest_transport.cc, the one file that includes cpprestsdk's client; tests inject
// fakes. Redirects are not followed: a token must not travel to another host.
//
// Thread safety: all methods from any thread.
// Shutdown: a stop token aborts the exchange at once (the socket is closed).

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "controller/base/duration.h"
#include "controller/base/result.h"

namespace stoker::kube {

struct HttpRequest {
  std::string method = "GET";
  std::string path;  // with query
  std::map<std::string, std::string> headers;
  std::string body;
  Millis timeout{15'000};  // total, not per step
  // The fence: asked at the last moment, whenever this is about to go out. A no ends the exchange
  // with kCancelled, and nothing is sent. None: it may.
  std::function<bool()> may_send;
};

// What a transport asks before it sends, however long the request had to wait for that.
inline Status MaySend(const HttpRequest& request) {
  if (!request.may_send || request.may_send()) return {};
  return Cancelled("this replica does not hold the lease, so " + request.method + " " +
                   request.path + " was not sent");
}

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // lower-case names
  std::string body;
};

class Transport {
 public:
  virtual ~Transport() = default;

  // The whole response, body capped (64 MiB). An HTTP error is a response, not an Error; an Error
  // is kUnavailable, kTimeout, kCancelled, kPermission (a certificate was refused, or our
  // credentials cannot be had) or kExhausted (a cap). A request that met a dead pooled connection
  // may be sent twice.
  virtual Result<HttpResponse> Do(const HttpRequest& request, std::stop_token stop) = 0;

  // A response of many lines (a watch). `on_line` gets each complete line as soon as it arrives, on
  // the calling thread, lines capped at 8 MiB; returning false ends the exchange. Returns when the
  // server ends the stream (ok), when it was silent for request.timeout (kTimeout), on a broken
  // connection (kUnavailable), on stop (kCancelled) or at a cap (kExhausted). An HTTP error status
  // is returned as the response, with its body, and on_line is not called.
  virtual Result<HttpResponse> Stream(const HttpRequest& request,
                                      const std::function<bool(std::string_view)>& on_line,
                                      std::stop_token stop) = 0;
};

}  // namespace stoker::kube
