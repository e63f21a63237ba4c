#pragma once

// Accepts connections on a free port of 127.0.0.1, each one served by a thread of its own: what the
// servers that misbehave on purpose have in common.
//
// Everything is polled in slices, so that a server that ends does not wait for its peers.
//
// Thread safety: port(), connections() and ending() from any thread; `serve` runs on many threads at
// a time. Shutdown: the destructor, or Stop(), accepts no more, lets ending() be true, and joins
// every thread; `serve` must watch ending().

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

namespace stoker::testing {

// Waits until `events` are ready on `fd`; false: the server is ending.
bool WaitReady(int fd, short events, const std::atomic<bool>& ending);

// The end of this connection, whenever it comes, will be an RST instead of a FIN.
void EndByReset(int fd);

class LoopbackListener {
 public:
  // Owns `fd` and closes it.
  using Serve = std::function<void(int fd)>;

  explicit LoopbackListener(Serve serve);
  ~LoopbackListener();
  LoopbackListener(const LoopbackListener&) = delete;
  LoopbackListener& operator=(const LoopbackListener&) = delete;

  void Stop();  // idempotent
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] int connections() const { return connections_; }
  [[nodiscard]] const std::atomic<bool>& ending() const { return ending_; }

 private:
  void Accept();

  const Serve serve_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> ending_{false};
  std::atomic<int> connections_{0};
  std::vector<std::thread> threads_;  // of acceptor_, until it has ended
  std::thread acceptor_;
};

}  // namespace stoker::testing
