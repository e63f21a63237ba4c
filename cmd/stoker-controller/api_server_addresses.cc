#include "cmd/stoker-controller/api_server_addresses.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <array>
#include <cstdlib>

#include "controller/base/json.h"

namespace stoker::controller {
namespace {

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

std::string HostOf(std::string_view url) {
  const std::size_t scheme = url.find("://");
  std::string_view rest = url.substr(scheme == std::string_view::npos ? 0 : scheme + 3);
  rest = rest.substr(0, rest.find('/'));
  if (rest.starts_with('[')) return std::string(rest.substr(1, rest.find(']') - 1));
  return std::string(rest.substr(0, rest.find(':')));
}

std::vector<std::string> AdvertisedHosts(std::string_view body) {
  std::vector<std::string> hosts;
  const auto versions = ParseJson(body);
  if (!versions || !versions->is_object()) return hosts;
  const auto addresses = versions->find("serverAddressByClientCIDRs");
  if (addresses == versions->end() || !addresses->is_array()) return hosts;
  for (const auto& item : *addresses) {
    if (!item.is_object()) continue;
    const auto address = item.find("serverAddress");
    if (address == item.end() || !address->is_string()) continue;
    hosts.push_back(HostOf(address->get_ref<const std::string&>()));
  }
  return hosts;
}

std::vector<std::string> ApiServerAddresses(kube::Client& client, const std::string& server) {
  std::vector<std::string> addresses;
  AddAddresses(HostOf(server), addresses);
  if (const char* service = std::getenv("KUBERNETES_SERVICE_HOST"))
    AddAddresses(service, addresses);
  if (const auto versions = client.Raw("/api")) {
    for (const std::string& host : AdvertisedHosts(*versions)) AddAddresses(host, addresses);
  }
  return addresses;
}

}  // namespace stoker::controller
