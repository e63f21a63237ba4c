#include "tests/support/memcached_server.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace stoker::testing {

MemcachedServer::MemcachedServer(std::vector<std::string> arguments)
    : port_(FreePort()), arguments_(std::move(arguments)) {
  Start();
}

void MemcachedServer::Start() {
  std::vector<std::string> argv = {"memcached",           "-u", "root", "-l", "127.0.0.1", "-p",
                                   std::to_string(port_), "-U", "0",    "-t", "1"};
  argv.insert(argv.end(), arguments_.begin(), arguments_.end());
  process_ = std::make_unique<Process>(argv, dir_.path() + "/log");
  if (!WaitFor([&] { return CanConnect(port_) || !process_->Running(); }) || !process_->Running()) {
    throw std::runtime_error("memcached did not start: " + process_->Output());
  }
}

void MemcachedServer::Kill() {
  process_->Signal(SIGKILL);
  process_->Wait();
}

std::string MemcachedServer::Ask(const std::string& command, const std::string& last) const {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port_));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval patience{10, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  std::string got;
  const std::string line = command + "\r\n";
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      send(fd, line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size())) {
    const std::string end = last + "\r\n";
    char buffer[64 << 10];
    while (!got.ends_with(end)) {
      const ssize_t size = recv(fd, buffer, sizeof(buffer), 0);
      if (size <= 0) break;
      got.append(buffer, static_cast<std::size_t>(size));
    }
    if (got.ends_with(end)) got.resize(got.size() - end.size());
  }
  close(fd);
  return got;
}

std::string MemcachedServer::Get(const std::string& key) const {
  const std::string reply = Ask("get " + key);
  const auto data = reply.find("\r\n");
  return data == std::string::npos ? "" : reply.substr(data + 2, reply.size() - data - 4);
}

std::string MemcachedServer::Stat(const std::string& name) const {
  const std::string reply = Ask("stats");
  const std::string mark = "STAT " + name + " ";
  const auto at = reply.find(mark);
  if (at == std::string::npos) return "";
  return reply.substr(at + mark.size(), reply.find('\r', at) - at - mark.size());
}

}  // namespace stoker::testing
