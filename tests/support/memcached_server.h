#pragma once

// A real memcached on 127.0.0.1 for one test.
//
// Thread safety: one thread. The server dies with its owner.

#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace stoker::testing {

class MemcachedServer {
 public:
  // Further arguments: {"-m", "64"}, {"-I", "512k"}. Returns when it answers.
  explicit MemcachedServer(std::vector<std::string> arguments = {});

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // Sends a command line (and data), and returns what comes until the line `last`, in front of it.
  [[nodiscard]] std::string Ask(const std::string& command, const std::string& last = "END") const;
  // The value of a key as an application gets it by the classic protocol; empty: none.
  [[nodiscard]] std::string Get(const std::string& key) const;
  // One line of `stats`.
  [[nodiscard]] std::string Stat(const std::string& name) const;
  void Kill();   // SIGKILL, and waits
  void Start();  // again, on the same port
  void Signal(int signal) { process_->Signal(signal); }

 private:
  TempDir dir_;
  int port_;
  std::vector<std::string> arguments_;
  std::unique_ptr<Process> process_;
};

}  // namespace stoker::testing
