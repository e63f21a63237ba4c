#include "tests/support/bad_origin.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace stoker::testing {
namespace {

// Polled in slices, so that an ending server does not wait for its peers.
bool Ready(int fd, short events, const std::atomic<bool>& ending) {
  while (!ending) {
    pollfd one{fd, events, 0};
    if (poll(&one, 1, 20) > 0) return true;
  }
  return false;
}

}  // namespace

bool BadOrigin::Peer::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!Ready(fd_, POLLOUT, *ending_)) return false;
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) return false;
    if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void BadOrigin::Peer::Stall() {
  char byte = 0;
  while (Ready(fd_, POLLIN, *ending_)) {
    if (recv(fd_, &byte, 1, MSG_DONTWAIT) == 0) return;
    if (errno == ECONNRESET) return;
  }
}

void BadOrigin::Peer::Reset() {
  const linger abort{1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
  reset_ = true;
}

BadOrigin::BadOrigin(std::map<std::string, Handler> handlers) : handlers_(std::move(handlers)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 128) != 0) {
    throw std::runtime_error("BadOrigin cannot listen");
  }
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

BadOrigin::~BadOrigin() {
  ending_ = true;
  acceptor_.join();
  for (std::thread& thread : threads_) thread.join();
  close(listener_);
}

void BadOrigin::Accept() {
  while (Ready(listener_, POLLIN, ending_)) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    ++connections_;
    const std::lock_guard lock(mutex_);
    threads_.emplace_back([this, fd] { Serve(fd); });
  }
}

void BadOrigin::Serve(int fd) {
  Peer peer;
  peer.fd_ = fd;
  peer.ending_ = &ending_;
  std::string in;
  for (bool open = true; open;) {
    const auto end = in.find("\r\n\r\n");
    if (end == std::string::npos) {
      char buffer[4096];
      if (!Ready(fd, POLLIN, ending_)) break;
      const ssize_t got = recv(fd, buffer, sizeof(buffer), 0);
      if (got <= 0) break;
      in.append(buffer, static_cast<std::size_t>(got));
      continue;
    }
    peer.request_ = in.substr(0, end + 4);
    in.erase(0, end + 4);
    ++peer.number_;
    ++requests_;
    {
      const std::lock_guard lock(mutex_);
      seen_.push_back(peer.request_);
    }
    const auto from = peer.request_.find(' ') + 1;
    const auto handler = handlers_.find(peer.request_.substr(from, peer.request_.find(' ', from) - from));
    open = handler != handlers_.end() && handler->second(peer);
  }
  close(fd);
}

std::vector<std::string> BadOrigin::Seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

}  // namespace stoker::testing
