#include "cmd/stoker-controller/api_server_addresses.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <array>
#include <cstdlib>

namespace stoker::controller {
namespace {

std::string HostOf(const std::string& url) {
  std::string rest = url.substr(url.find("://") == std::string::npos ? 0 : url.find("://") + 3);
  rest = rest.substr(0, rest.find('/'));
  if (rest.starts_with('[')) return rest.substr(1, rest.find(']') - 1);
  return rest.substr(0, rest.find(':'));
}

void AddAddresses(const std::string& host, std::vector<std::string>& out) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (host.empty() || getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (getnameinfo(at->ai_addr, at->ai_addrlen, text.data(), text.size(), nullptr, 0,
                    NI_NUMERICHOST) == 0) {
      out.emplace_back(text.data());
    }
  }
  freeaddrinfo(found);
}

}  // namespace

std::vector<std::string> ApiServerAddresses(const std::string& server) {
  std::vector<std::string> addresses;
  AddAddresses(HostOf(server), addresses);
  if (const char* service = std::getenv("KUBERNETES_SERVICE_HOST"))
    AddAddresses(service, addresses);
  return addresses;
}

}  // namespace stoker::controller
