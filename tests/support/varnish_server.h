#pragma once

// A real Varnish on 127.0.0.1 for one test, in front of one server.
//
// Thread safety: one thread. The server and its worker die with their owner.

#include <memory>
#include <string>

#include "tests/support/process.h"

namespace stoker::testing {

class VarnishServer {
 public:
  // `backend`: host:port.
  explicit VarnishServer(const std::string& backend);
  ~VarnishServer();

  [[nodiscard]] std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }

 private:
  TempDir dir_;
  int port_;
  std::unique_ptr<Process> process_;
};

}  // namespace stoker::testing
