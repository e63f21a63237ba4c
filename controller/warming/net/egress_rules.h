#pragma once

// Which addresses a run may dial, as its host says it; EgressGuard (net/egress.h) judges by them.
//
// Thread safety: plain values.

#include <string>
#include <vector>

namespace stoker::warming {

// Which addresses may be dialled. In-process runs use the controller's place in the network, so
// loopback, link-local, metadata and API server addresses are refused at every dial; the CLI and
// pods allow all.
struct EgressRules {
  bool guarded = false;
  std::vector<std::string> denied;   // further addresses or CIDRs (the API server's)
  std::vector<std::string> allowed;  // exceptions made by the administrator
};

}  // namespace stoker::warming
