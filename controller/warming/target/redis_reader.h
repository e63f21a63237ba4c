#pragma once

// Many values out of Redis, each with an outcome of its own, so that one key which the server
// refuses, or one node of several which is down, leaves the others be.
//
// Thread safety: one loop. Shutdown: Cancel() answers everything that waits.

#include <memory>
#include <string_view>
#include <vector>

#include "controller/api/types.h"
#include "controller/warming/target/redis_target.h"

namespace stoker::warming {

class RedisReader {
 public:
  using Keys = std::vector<std::string_view>;  // they stay where they are until the answer is there
  template <class T>
  using EachOf = std::vector<tl::expected<T, TargetError>>;  // in the order of the keys

  virtual ~RedisReader() = default;
  // Finds the nodes and dials them. Once it did, connections that break are dialled anew.
  virtual asio::awaitable<tl::expected<void, TargetError>> Open(SteadyTime deadline) = 0;
  // In bytes; 0 also of a key that is absent, or holds no string.
  virtual asio::awaitable<EachOf<std::size_t>> Lengths(Keys keys, SteadyTime deadline) = 0;
  virtual asio::awaitable<EachOf<Held>> Values(Keys keys, SteadyTime deadline) = 0;
  virtual void Cancel() = 0;
};

// `server`: its mode says whether the endpoint of `options` is the server itself, a node of a
// cluster or a sentinel.
std::unique_ptr<RedisReader> MakeRedisReader(asio::io_context& loop,
                                             const std::shared_ptr<const EgressGuard>& guard,
                                             const RedisOptions& options,
                                             const api::RedisTarget& server);

}  // namespace stoker::warming
