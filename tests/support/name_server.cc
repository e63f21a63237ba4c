#include "tests/support/name_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace stoker::testing {

NameServer::NameServer(std::vector<std::string> ipv4) : ipv4_(std::move(ipv4)) {
  socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(here);
  if (bind(socket_, reinterpret_cast<sockaddr*>(&here), sizeof(here)) != 0 ||
      getsockname(socket_, reinterpret_cast<sockaddr*>(&here), &size) != 0) {
    throw std::runtime_error("no port for a name server");
  }
  port_ = ntohs(here.sin_port);
  thread_ = std::thread([this] { Serve(); });
}

NameServer::~NameServer() {
  stop_ = true;
  thread_.join();
  close(socket_);
}

void NameServer::Set(std::vector<std::string> ipv4) {
  const std::lock_guard lock(mutex_);
  ipv4_ = std::move(ipv4);
}

void NameServer::Serve() {
  while (!stop_) {
    pollfd wait{socket_, POLLIN, 0};
    if (poll(&wait, 1, 20) <= 0) continue;
    std::array<char, 512> buffer;
    sockaddr_in who{};
    socklen_t size = sizeof(who);
    const ssize_t got = recvfrom(socket_, buffer.data(), buffer.size(), 0,
                                 reinterpret_cast<sockaddr*>(&who), &size);
    if (got < 12) continue;
    const std::string answer = AnswerTo({buffer.data(), static_cast<std::size_t>(got)});
    sendto(socket_, answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&who), size);
  }
}

// Every name has the same addresses; of type A alone.
std::string NameServer::AnswerTo(const std::string& question) {
  std::size_t end = 12;  // of the name, its type and class
  while (end < question.size() && question[end] != 0) {
    end += static_cast<unsigned char>(question[end]) + std::size_t{1};
  }
  end += 5;
  if (end > question.size()) return question.substr(0, 12);
  const bool wants_a = question[end - 3] == 1;
  const std::lock_guard lock(mutex_);
  const std::size_t count = wants_a ? ipv4_.size() : 0;
  std::string out = question.substr(0, 2);
  out += std::string("\x81\x80\0\1\0", 5) + static_cast<char>(count) + std::string(4, '\0');
  out += question.substr(12, end - 12);
  for (std::size_t i = 0; i < count; ++i) {
    in_addr address{};
    inet_pton(AF_INET, ipv4_[i].c_str(), &address);
    out += std::string("\xc0\x0c\0\1\0\1\0\0\0\0\0\4", 12);
    out.append(reinterpret_cast<const char*>(&address.s_addr), 4);
  }
  return out;
}

}  // namespace stoker::testing
