#pragma once

// An HTTP server that misbehaves on purpose: it stalls, resets, drips, lies about lengths and
// certificates.
//
// A script runs for every request, on the thread of its connection, and sends whatever bytes it
// likes. A connection stays open after the script unless it was closed. With certificates it speaks
// TLS, and notes the server name and the client certificate that came.
//
// Thread safety: the script runs on many threads at a time; all methods from any thread.
// Shutdown: the destructor closes every connection and joins every thread; scripts must use
// Connection's waits.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/loopback_listener.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace stoker::testing {

struct FakeTls {
  std::string cert_file, key_file;
  std::string client_ca_file;  // set: a client certificate is demanded
  int max_version = 0;         // e.g. TLS1_1_VERSION; 0: any
};

class FakeApiServer {
 public:
  struct Request {
    std::string method, path, body;
    std::map<std::string, std::string> headers;  // lower-case names
  };

  class Connection {
   public:
    virtual ~Connection() = default;
    // Raw bytes; false when the peer is gone.
    virtual bool Send(std::string_view bytes) = 0;
    virtual void Close() = 0;
    virtual void Reset() = 0;  // RST instead of FIN
    // Waits until the peer closes (true) or `timeout` passes or the server stops (false).
    virtual bool WaitForPeerToClose(
        std::chrono::milliseconds timeout = std::chrono::seconds(20)) = 0;
    virtual bool stopping() const = 0;
    virtual std::string sni() const = 0;
    virtual std::string client_subject() const = 0;

    bool Reply(int status, std::string_view body,
               const std::map<std::string, std::string>& headers = {});
    bool BeginChunks(int status = 200);
    bool Chunk(std::string_view bytes);
    bool EndChunks();
  };

  using Script = std::function<void(const Request& request, Connection& connection)>;

  explicit FakeApiServer(Script script, FakeTls tls = {});

  [[nodiscard]] int port() const { return listener_.port(); }
  [[nodiscard]] std::string url(const std::string& host = "127.0.0.1") const;
  [[nodiscard]] std::vector<Request> requests() const;
  [[nodiscard]] int connections() const { return listener_.connections(); }

 private:
  class SocketConnection;
  void Serve(SocketConnection& connection);

  const Script script_;
  const FakeTls tls_;
  const std::shared_ptr<ssl_ctx_st> context_;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;  // protected by mutex_
  LoopbackListener listener_;      // last: its threads use the others
};

}  // namespace stoker::testing
