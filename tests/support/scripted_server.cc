#include "tests/support/scripted_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <utility>

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

bool ScriptedServer::Peer::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!Ready(fd_, POLLOUT, ending_)) return false;
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) return false;
    if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool ScriptedServer::Peer::Receive(std::string& to) {
  char buffer[4096];
  if (!Ready(fd_, POLLIN, ending_)) return false;
  const ssize_t got = recv(fd_, buffer, sizeof(buffer), 0);
  if (got <= 0) return false;
  to.append(buffer, static_cast<std::size_t>(got));
  return true;
}

void ScriptedServer::Peer::Stall() {
  std::string ignored;
  while (Receive(ignored)) ignored.clear();
}

void ScriptedServer::Peer::Reset() {
  const linger abort{1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
}

ScriptedServer::ScriptedServer(Script script) : script_(std::move(script)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener_, 128) != 0) {
    throw std::runtime_error("ScriptedServer cannot listen");
  }
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

ScriptedServer::~ScriptedServer() {
  ending_ = true;
  acceptor_.join();
  for (std::thread& thread : threads_) thread.join();
  close(listener_);
}

void ScriptedServer::Accept() {
  while (Ready(listener_, POLLIN, ending_)) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    ++connections_;
    threads_.emplace_back([this, fd] {
      Peer peer(fd, ending_);
      script_(peer);
      close(fd);
    });
  }
}

}  // namespace stoker::testing
