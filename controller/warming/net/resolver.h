#pragma once

// Names to addresses by c-ares, on the loop, with a deadline that holds.
//
// getaddrinfo cannot be told to stop: a hanging name server would hold a thread, and the run, for
// many seconds. A Lookup keeps its own channel (so a changed resolv.conf is seen), watches c-ares'
// sockets on the loop, and can be dropped at any moment.
//
// Thread safety: one loop. Shutdown: Stop() releases everything; `done` is not called afterwards.

#include <asio/io_context.hpp>
#include <asio/ip/address.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "controller/warming/net/connect.h"

namespace stoker::warming {

class Lookup {
 public:
  using Addresses = tl::expected<std::vector<asio::ip::address>, ConnectError>;
  using Done = std::function<void(Addresses)>;

  Lookup(asio::io_context& loop, const ResolverOptions& options);
  ~Lookup();
  // `done` runs once, perhaps before this returns. Addresses alternate between the families (RFC
  // 8305).
  void Start(const std::string& host, Done done);
  void Stop();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace stoker::warming
