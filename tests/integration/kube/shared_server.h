#pragma once

// The API server that the tests of this binary share; started by the first that asks, ended after
// the last.
//
// Thread safety: the main thread. A test that breaks the server mends it before it ends.

#include <memory>

#include "controller/kube/transport.h"
#include "tests/support/api_server.h"

namespace stoker::testing {

ApiServer& SharedServer();
// A new transport with an administrator's rights.
std::shared_ptr<kube::Transport> AdminTransport();

}  // namespace stoker::testing
