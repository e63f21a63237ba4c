#pragma once

// One or several memcached servers, over one pipelined connection a server and loop.
//
// Which server holds a key is decided by Ketama. A server that is down fails the entries that are
// its own, with a retryable TargetUnavailable; the others go on.
//
// Thread safety: one loop.

#include <asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "controller/warming/net/connect.h"
#include "controller/warming/target/target.h"

namespace stoker::warming {

struct MemcachedOptions {
  struct Server {
    std::string name;  // host:port, as the applications name it
    Endpoint endpoint;
  };
  std::vector<Server> servers;
  Millis reply_timeout{5'000};
  ResolverOptions resolver;
};

std::unique_ptr<Target> MakeMemcachedTarget(asio::io_context& loop,
                                            std::shared_ptr<const EgressGuard> guard,
                                            const MemcachedOptions& options);

}  // namespace stoker::warming
