#pragma once

// Makes the Transport that talks to a network. Callers outside this folder use MakeTransport() of
// config.h.
//
// Thread safety: any thread.

#include <memory>
#include <string>

#include "controller/base/result.h"
#include "controller/kube/credentials.h"
#include "controller/kube/transport.h"

namespace stoker::kube {

struct CpprestOptions {
  std::string server;  // http(s)://host[:port][/path]
  std::string ca_pem;  // trusted instead of the system's authorities; empty: the system's
  bool insecure_skip_tls_verify = false;
  std::string tls_server_name;  // what the certificate must say, when it is not the host
  std::shared_ptr<Credentials> credentials;
  int max_exchanges = 32;  // at a time, watches apart
  std::size_t max_body = std::size_t{64} << 20;
  std::size_t max_line = std::size_t{8} << 20;
};

Result<std::shared_ptr<Transport>> MakeCpprestTransport(CpprestOptions options);

}  // namespace stoker::kube
