#pragma once

// Redis or Valkey, over one pipelined RESP2 connection a loop and node.
//
// AUTH (ACL user or password), SELECT, TLS. Each error prefix has its own meaning: -LOADING and
// -TRYAGAIN are retried, -OOM, -READONLY, -NOAUTH, -WRONGPASS, -NOPERM, -MOVED concern the whole
// target, -MISCONF too. A broken connection fails the commands that had been sent with a retryable
// TargetUnavailable (SET is idempotent) and is dialled again with back-off. Every step of a reply
// has a deadline.
//
// Thread safety: one loop.

#include <asio/io_context.hpp>

#include "controller/warming/net/connect.h"
#include "controller/warming/target/target.h"

namespace stoker::warming {

struct RedisOptions {
  Endpoint endpoint;
  int database = 0;
  std::string username, password;
  bool any_key =
      true;  // false: of a cluster's node, which holds some, or a sentinel, which holds none
  Millis reply_timeout{5'000};
  std::size_t max_pending_bytes = 4 << 20;
  std::size_t max_pending_commands = 8192;
  ResolverOptions resolver;
};

// One server.
std::unique_ptr<Target> MakeRedisTarget(asio::io_context& loop,
                                        std::shared_ptr<const EgressGuard> guard,
                                        RedisOptions options);

// The nodes of a Redis Cluster; the endpoint is one of them.
std::unique_ptr<Target> MakeRedisClusterTarget(asio::io_context& loop,
                                               std::shared_ptr<const EgressGuard> guard,
                                               const RedisOptions& options);

// The master that sentinels name; the endpoint is a sentinel. They are asked with the same
// credentials, and without any where they want none.
std::unique_ptr<Target> MakeRedisSentinelTarget(asio::io_context& loop,
                                                std::shared_ptr<const EgressGuard> guard,
                                                const RedisOptions& options,
                                                const std::string& master);

}  // namespace stoker::warming
