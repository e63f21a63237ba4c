#pragma once

// A real nginx on 127.0.0.1 for one test.
//
// Thread safety: one thread. The server and its workers die with their owner.

#include <memory>
#include <string>

#include "tests/support/process.h"

namespace stoker::testing {

class NginxServer {
 public:
  // `locations` goes into one server block; `listen_options` follows the port ("ssl"),
  // `server_lines` is further directives of the block. Files are served from www().
  // `http_lines` is what stands around that block; `host` and `port` (0: a free one) are listened on.
  explicit NginxServer(const std::string& locations, const std::string& listen_options = {},
                       const std::string& server_lines = {}, const std::string& http_lines = {},
                       std::string host = "127.0.0.1", int port = 0);
  ~NginxServer();

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string address() const { return host_ + ":" + std::to_string(port_); }
  [[nodiscard]] std::string url(const std::string& path) const {
    return "http://" + address() + path;
  }
  void Put(const std::string& name, const std::string& content) {
    (void)dir_.File("www/" + name, content);
  }
  // One line a request: "<status> <connection number> <request number on it> <uri>".
  [[nodiscard]] std::string AccessLog() const { return ReadFile(dir_.path() + "/access.log"); }

 private:
  TempDir dir_;
  const std::string host_;
  int port_;
  std::unique_ptr<Process> process_;
};

}  // namespace stoker::testing
