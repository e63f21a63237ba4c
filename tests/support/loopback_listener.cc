#include "tests/support/loopback_listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>

namespace stoker::testing {

bool WaitReady(int fd, short events, const std::atomic<bool>& ending) {
  constexpr int kSliceMillis = 20;
  while (!ending) {
    pollfd one{fd, events, 0};
    if (poll(&one, 1, kSliceMillis) > 0) return true;
  }
  return false;
}

void EndByReset(int fd) {
  const linger abort{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
}

LoopbackListener::LoopbackListener(Serve serve) : serve_(std::move(serve)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener_, 128) != 0) {
    close(listener_);
    throw std::runtime_error("no port of 127.0.0.1 can be listened on");
  }
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

LoopbackListener::~LoopbackListener() {
  Stop();
  close(listener_);
}

void LoopbackListener::Stop() {
  ending_ = true;
  if (!acceptor_.joinable()) return;
  acceptor_.join();
  for (std::thread& thread : threads_) thread.join();
}

void LoopbackListener::Accept() {
  while (WaitReady(listener_, POLLIN, ending_)) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    ++connections_;
    threads_.emplace_back([this, fd] { serve_(fd); });
  }
}

}  // namespace stoker::testing
