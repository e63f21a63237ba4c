#pragma once

// A real redis-server on 127.0.0.1 for one test, without persistence.
//
// Thread safety: one thread. The server dies with its owner.

#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace stoker::testing {

class RedisServer {
 public:
  // Further lines of redis.conf: "requirepass secret", "maxmemory 2mb". Returns when it answers.
  explicit RedisServer(std::vector<std::string> config = {});

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // Runs redis-cli against it and returns what it prints, without the last newline.
  [[nodiscard]] std::string Cli(const std::vector<std::string>& arguments) const;
  void Kill();   // SIGKILL, and waits
  void Start();  // again, on the same port
  void Signal(int signal) { process_->Signal(signal); }
  [[nodiscard]] const TempDir& dir() const { return dir_; }

 private:
  TempDir dir_;
  int port_;
  std::vector<std::string> config_;
  std::unique_ptr<Process> process_;
};

// A CA and a certificate it issued, made with openssl, as PEM and as files below a folder.
struct TestCertificates {
  std::string ca_pem, cert_pem, key_pem;
  std::string ca_file, cert_file, key_file;
};
// `alt_names` as openssl writes them: "IP:127.0.0.1,DNS:cache.test".
TestCertificates MakeCertificates(const TempDir& dir, const std::string& alt_names);

}  // namespace stoker::testing
