#pragma once

// A TCP server on 127.0.0.1 that does exactly what a script says, for what real servers do not do
// on demand.
//
// Each connection is served by a thread of its own, which runs the script and writes raw bytes.
//
// Thread safety: scripts run on the server's threads. The destructor closes every connection and
// joins.

#include <atomic>
#include <functional>
#include <string>
#include <string_view>

#include "tests/support/loopback_listener.h"

namespace stoker::testing {

class ScriptedServer {
 public:
  // One connection.
  class Peer {
   public:
    // False when the client is gone or the server is ending.
    bool Send(std::string_view bytes);
    // Waits for more bytes and appends them; false as above.
    bool Receive(std::string& to);
    void Stall();  // says nothing more until the client leaves or the server ends
    void Reset();  // the connection will end by RST instead of FIN

   private:
    friend class ScriptedServer;
    Peer(int fd, const std::atomic<bool>& ending) : fd_(fd), ending_(ending) {}
    int fd_;
    const std::atomic<bool>& ending_;
  };
  // When it returns the connection is closed.
  using Script = std::function<void(Peer&)>;

  explicit ScriptedServer(Script script);
  [[nodiscard]] int port() const { return listener_.port(); }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port()); }
  [[nodiscard]] int connections() const { return listener_.connections(); }

 private:
  void Serve(int fd);

  const Script script_;
  LoopbackListener listener_;  // last: its threads use the script
};

}  // namespace stoker::testing
