#include "controller/warming/target/ketama.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace stoker::warming {
namespace {

using Md5 = std::array<unsigned char, 16>;

Md5 Md5Of(const evp_md_st* md5, std::string_view text) {
  Md5 digest{};
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, md5, nullptr);
  return digest;
}

std::uint32_t NumberAt(const Md5& digest, std::size_t index) {
  std::uint32_t number = 0;
  for (std::size_t i = 4; i-- > 0;) number = (number << 8) | digest[4 * index + i];
  return number;
}

// Clients leave the usual port out.
std::string RingName(std::string_view server) {
  constexpr std::string_view kUsualPort = ":11211";
  if (server.ends_with(kUsualPort)) server.remove_suffix(kUsualPort.size());
  return std::string(server);
}

}  // namespace

Ketama::Ketama(const std::vector<std::string>& servers)
    : md5_(EVP_MD_fetch(nullptr, "MD5", nullptr), EVP_MD_free) {
  for (std::uint32_t server = 0; server < servers.size(); ++server) {
    const std::string name = RingName(servers[server]);
    for (int i = 0; i < kPoints / 4; ++i) {
      const Md5 digest = Md5Of(md5_.get(), name + "-" + std::to_string(i));
      for (std::size_t part = 0; part < 4; ++part) {
        points_.push_back({NumberAt(digest, part), server});
      }
    }
  }
  std::sort(points_.begin(), points_.end(), [](const Point& a, const Point& b) {
    return a.at != b.at ? a.at < b.at : a.server < b.server;
  });
}

std::size_t Ketama::ServerOf(std::string_view key) const {
  const std::uint32_t hash = NumberAt(Md5Of(md5_.get(), key), 0);
  const auto point = std::lower_bound(points_.begin(), points_.end(), hash,
                                      [](const Point& p, std::uint32_t at) { return p.at < at; });
  return point == points_.end() ? points_.front().server : point->server;
}

}  // namespace stoker::warming
