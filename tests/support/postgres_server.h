#pragma once

// A real PostgreSQL 15 on 127.0.0.1 for the tests of one suite: user "shop", password "s3sam",
// database "shop"; nothing is synced to disk. PostgreSQL refuses to run as root, so it is then run
// as the user "postgres".
//
// Thread safety: one thread. The server dies with its owner.

#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace stoker::testing {

class PostgresServer {
 public:
  // Further lines of postgresql.conf. TLS where both are given: PEM texts.
  explicit PostgresServer(std::vector<std::string> config = {}, const std::string& cert_pem = {},
                          const std::string& key_pem = {});
  ~PostgresServer();

  [[nodiscard]] int port() const { return port_; }
  // "postgresql://shop:s3sam@127.0.0.1:<port>/shop", and what follows.
  [[nodiscard]] std::string Url(const std::string& query = {}) const;
  // Runs statements by psql and returns what it prints, unaligned, without the last newline.
  std::string Sql(const std::string& statements) const;
  void Kill();   // immediate shutdown, and waits
  void Start();  // again, on the same port and data

 private:
  TempDir dir_;
  int port_;
  std::unique_ptr<Process> process_;
};

}  // namespace stoker::testing
