#include "tests/support/varnish_server.h"

#include <signal.h>

#include <stdexcept>

namespace stoker::testing {

VarnishServer::VarnishServer(const std::string& backend) : port_(FreePort()) {
  process_ = std::make_unique<Process>(
      std::vector<std::string>{"varnishd", "-F", "-j", "none", "-n", dir_.path() + "/varnish", "-a",
                               "127.0.0.1:" + std::to_string(port_), "-b", backend, "-s",
                               "malloc,64m", "-t", "3600"},
      dir_.path() + "/log",
      std::map<std::string, std::string>{{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"}});
  if (!WaitFor([&] { return CanConnect(port_) || !process_->Running(); }) || !process_->Running()) {
    throw std::runtime_error("varnishd did not start: " + process_->Output());
  }
}

VarnishServer::~VarnishServer() {
  process_->Signal(SIGTERM);
  process_->Wait(std::chrono::seconds(10));
}

}  // namespace stoker::testing
