#pragma once

// An HTTP server that misbehaves exactly as a script says, for what real servers do not do on demand.
//
// Each connection is served by a thread that runs the handler of the requested path; a handler writes raw bytes.
//
// Thread safety: handlers run on the server's threads. The destructor closes every connection and joins.

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace stoker::testing {

class BadOrigin {
 public:
  // One connection, after a request was read.
  class Peer {
   public:
    // False when the client is gone or the server is ending.
    bool Send(std::string_view bytes);
    void Stall();  // says nothing more until the client leaves or the server ends
    void Reset();  // RST instead of FIN
    [[nodiscard]] const std::string& request() const { return request_; }
    [[nodiscard]] int number() const { return number_; }  // of the request on this connection, from 1

   private:
    friend class BadOrigin;
    int fd_ = -1;
    int number_ = 0;
    std::string request_;
    bool reset_ = false;
    const std::atomic<bool>* ending_ = nullptr;
  };
  // Returns whether the connection is kept for another request.
  using Handler = std::function<bool(Peer&)>;

  explicit BadOrigin(std::map<std::string, Handler> handlers);
  ~BadOrigin();
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  [[nodiscard]] int connections() const { return connections_; }
  [[nodiscard]] int requests() const { return requests_; }
  [[nodiscard]] std::vector<std::string> Seen() const;  // the requests, whole

 private:
  void Accept();
  void Serve(int fd);

  const std::map<std::string, Handler> handlers_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> ending_{false};
  std::atomic<int> connections_{0}, requests_{0};
  mutable std::mutex mutex_;
  std::vector<std::thread> threads_;  // protected by mutex_
  std::vector<std::string> seen_;     // protected by mutex_
  std::thread acceptor_;
};

}  // namespace stoker::testing
