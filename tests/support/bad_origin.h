#pragma once

// An HTTP server that misbehaves exactly as a script says.
//
// A handler is chosen by the requested path and writes raw bytes.
//
// Thread safety: handlers run on the server's threads. The destructor closes every connection and
// joins.

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/scripted_server.h"

namespace stoker::testing {

class BadOrigin {
 public:
  // One connection, after a request was read.
  class Peer {
   public:
    bool Send(std::string_view bytes) { return connection_.Send(bytes); }
    void Stall() { connection_.Stall(); }
    void Reset() { connection_.Reset(); }
    [[nodiscard]] const std::string& request() const { return request_; }
    [[nodiscard]] int number() const {
      return number_;
    }  // of the request on this connection, from 1

   private:
    friend class BadOrigin;
    explicit Peer(ScriptedServer::Peer& connection) : connection_(connection) {}
    ScriptedServer::Peer& connection_;
    std::string request_;
    int number_ = 0;
  };
  // Returns whether the connection is kept for another request.
  using Handler = std::function<bool(Peer&)>;

  explicit BadOrigin(std::map<std::string, Handler> handlers)
      : handlers_(std::move(handlers)),
        server_([this](ScriptedServer::Peer& peer) { Serve(peer); }) {}
  [[nodiscard]] int port() const { return server_.port(); }
  [[nodiscard]] std::string url(const std::string& path) const {
    return "http://" + server_.address() + path;
  }
  [[nodiscard]] int connections() const { return server_.connections(); }
  [[nodiscard]] int requests() const { return requests_; }
  [[nodiscard]] std::vector<std::string> Seen() const;  // the requests, whole

 private:
  void Serve(ScriptedServer::Peer& connection);

  const std::map<std::string, Handler> handlers_;
  std::atomic<int> requests_{0};
  mutable std::mutex mutex_;
  std::vector<std::string> seen_;  // protected by mutex_
  ScriptedServer server_;          // last: its threads use the others
};

}  // namespace stoker::testing
