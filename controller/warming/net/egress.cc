#include "controller/warming/net/egress.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace stoker::warming {
namespace {

using asio::ip::address;
using asio::ip::address_v4;
using asio::ip::address_v6;

constexpr std::array<std::string_view, 16> kRefusedByDefault = {
    "0.0.0.0/8",           // unspecified: reaches this host
    "127.0.0.0/8",         // loopback
    "169.254.0.0/16",      // link-local: the metadata of AWS, GCP, Azure, Oracle and most others
    "168.63.129.16",       // Azure's host
    "100.100.100.200",     // metadata: Alibaba
    "192.0.0.192",         // metadata: Oracle's older clouds
    "::",                  // unspecified
    "::1",                 // loopback
    "fe80::/10",           // link-local: OpenStack's metadata
    "fd00:ec2::254",       // metadata: AWS
    "fd00:ec2::23",        // credentials of pods: EKS
    "fd20:ce::254",        // metadata: GCP
    "fd00:c1::a9fe:a9fe",  // metadata: Oracle
    "fd00:100::100:200",   // metadata: Alibaba
    "fd00:a9fe:a9fe::1",   // metadata: Akamai
    "fd00:42::42",         // metadata: Scaleway
};

// IPv4 as its mapped form, whichever way it was wrapped: ::ffff:a.b.c.d, or NAT64's
// 64:ff9b::a.b.c.d.
address_v6 Canonical(const address& given) {
  if (given.is_v4()) return asio::ip::make_address_v6(asio::ip::v4_mapped, given.to_v4());
  address_v6::bytes_type bytes = given.to_v6().to_bytes();
  constexpr std::array<unsigned char, 12> kNat64 = {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0};
  if (std::equal(kNat64.begin(), kNat64.end(), bytes.begin())) {
    return asio::ip::make_address_v6(asio::ip::v4_mapped,
                                     address_v4({bytes[12], bytes[13], bytes[14], bytes[15]}));
  }
  return address_v6(bytes);  // without its scope
}

bool Inside(const address_v6& candidate, const address_v6& base, int prefix) {
  const auto a = candidate.to_bytes();
  const auto b = base.to_bytes();
  for (int bit = 0; bit < prefix; bit += 8) {
    const int left = std::min(8, prefix - bit);
    const auto mask = static_cast<unsigned char>(0xff << (8 - left));
    const auto i = static_cast<std::size_t>(bit / 8);
    if ((a[i] & mask) != (b[i] & mask)) return false;
  }
  return true;
}

struct ParsedRange {
  address_v6 base;
  int prefix = 128;
};

Result<ParsedRange> ParseRange(std::string_view text) {
  const auto slash = text.find('/');
  std::error_code ec;
  const address parsed = asio::ip::make_address(std::string(text.substr(0, slash)), ec);
  const Error bad = Invalid("\"" + std::string(text.substr(0, 64)) +
                            "\" is neither an IP address nor a CIDR such as 10.0.0.0/8");
  if (ec) return bad;
  const int bits = parsed.is_v4() ? 32 : 128;
  int prefix = bits;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    if (error != std::errc() || end != digits.data() + digits.size() || prefix < 0 ||
        prefix > bits) {
      return bad;
    }
  }
  return ParsedRange{Canonical(parsed), prefix + (128 - bits)};
}

}  // namespace

Result<EgressGuard> EgressGuard::Make(bool guarded, const std::vector<std::string>& denied,
                                      const std::vector<std::string>& allowed) {
  EgressGuard guard;
  guard.guarded_ = guarded;
  const auto add = [](std::string_view text, std::vector<Range>& to) -> Status {
    STOKER_TRY(const ParsedRange range, ParseRange(text));
    to.push_back({range.base, range.prefix});
    return {};
  };
  for (const std::string_view text : kRefusedByDefault) STOKER_CHECK(add(text, guard.denied_));
  for (const std::string& text : denied) STOKER_CHECK(add(text, guard.denied_));
  for (const std::string& text : allowed) STOKER_CHECK(add(text, guard.allowed_));
  return guard;
}

bool EgressGuard::Allows(const asio::ip::address& address) const {
  if (!guarded_) return true;
  const address_v6 candidate = Canonical(address);
  const auto matches = [&](const Range& range) {
    return Inside(candidate, range.base, range.prefix);
  };
  return std::any_of(allowed_.begin(), allowed_.end(), matches) ||
         std::none_of(denied_.begin(), denied_.end(), matches);
}

}  // namespace stoker::warming
