#include "tests/support/scripted_server.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace stoker::testing {
bool ScriptedServer::Peer::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!WaitReady(fd_, POLLOUT, ending_)) return false;
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) return false;
    if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool ScriptedServer::Peer::Receive(std::string& to) {
  char buffer[4096];
  if (!WaitReady(fd_, POLLIN, ending_)) return false;
  const ssize_t got = recv(fd_, buffer, sizeof(buffer), 0);
  if (got <= 0) return false;
  to.append(buffer, static_cast<std::size_t>(got));
  return true;
}

void ScriptedServer::Peer::Stall() {
  std::string ignored;
  while (Receive(ignored)) ignored.clear();
}

void ScriptedServer::Peer::Reset() { EndByReset(fd_); }

ScriptedServer::ScriptedServer(Script script)
    : script_(std::move(script)), listener_([this](int fd) { Serve(fd); }) {}

void ScriptedServer::Serve(int fd) {
  Peer peer(fd, listener_.ending());
  script_(peer);
  close(fd);
}

}  // namespace stoker::testing
