#pragma once

// A small HTTP server for health, progress and metrics: bounded, with time-outs, stoppable.
//
// Requests are GET or HEAD only, headers and connections capped, bodies refused, slow clients
// dropped. Handlers run on the server's own threads and must not block for long; one that throws is
// answered with 500.
//
// Thread safety: Handle() before Start(); handlers must be thread-safe. Shutdown: Stop() closes the
// listener, finishes running handlers, joins; nothing runs after it. The destructor stops.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "controller/base/result.h"

namespace stoker::server {

struct HttpReply {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

struct HttpServerOptions {
  std::string address = "0.0.0.0";
  std::uint16_t port = 8080;  // 0: any free one, see port()
  int threads = 1;
};

class HttpServer {
 public:
  explicit HttpServer(HttpServerOptions options);
  ~HttpServer();
  // `path` is matched as a whole, without the query.
  void Handle(std::string path, std::function<HttpReply()> handler);
  Status Start();  // once; kUnavailable: "cannot listen on 0.0.0.0:8080: Address already in use"
  void Stop();     // idempotent
  [[nodiscard]] std::uint16_t port() const;  // of the listener, once Start() succeeded

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stoker::server
