#pragma once

// Which addresses a run may dial.
//
// An in-process run dials from the controller's place in the network, so a policy could reach what
// its author cannot: the node's metadata service, the API server, the controller itself. Guarded
// runs refuse loopback, unspecified, link-local (169.254/16, fe80::/10), the addresses elsewhere
// at which clouds are known to serve metadata and credentials, and what the host adds; IPv4-mapped
// IPv6 is judged as IPv4. Asked at every dial.
//
// Thread safety: const after construction.

#include <asio/ip/address.hpp>
#include <string>
#include <vector>

#include "controller/base/result.h"

namespace stoker::warming {

class EgressGuard {
 public:
  // CIDRs or addresses; kInvalid names the bad one. `guarded` false allows all.
  static Result<EgressGuard> Make(bool guarded, const std::vector<std::string>& denied,
                                  const std::vector<std::string>& allowed);
  [[nodiscard]] bool Allows(const asio::ip::address& address) const;

 private:
  struct Range {
    asio::ip::address_v6 base;  // IPv4 as mapped
    int prefix = 128;
  };
  bool guarded_ = false;
  std::vector<Range> denied_, allowed_;
};

}  // namespace stoker::warming
