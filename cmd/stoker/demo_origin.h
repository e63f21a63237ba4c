#pragma once

// The demo's origin and its client: a slow HTTP service in this process, and an application that
// reads through.
//
// The origin listens on a free port of the loopback address only and answers each GET after a fixed
// delay, as a service with a database behind it does.
//
// Thread safety: the origin answers on its own thread; requests() from any thread. Shutdown: the
// destructor closes every connection and joins.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "controller/base/result.h"

namespace stoker::cli {

class DemoOrigin {
 public:
  explicit DemoOrigin(std::chrono::milliseconds delay);
  ~DemoOrigin();
  Status Start();
  [[nodiscard]] std::string url() const;  // http://127.0.0.1:port
  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::int64_t requests() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// One keep-alive connection of an application to the origin; each Get waits for its answer.
class DemoClient {
 public:
  explicit DemoClient(std::uint16_t port);
  ~DemoClient();
  Result<std::string> Get(const std::string& path);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stoker::cli
