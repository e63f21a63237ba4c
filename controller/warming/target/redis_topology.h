#pragma once

// Where the keys of a Redis of several nodes live now.
//
// A Cluster tells it slot by slot, Sentinels name one master; both change their mind while a run
// goes on. A topology answers when asked, from whichever node or sentinel answers, and learns
// further ones on the way.
//
// Thread safety: one loop. Lifetime: shared by the coroutines that use it. Shutdown: Cancel() ends
// what waits.

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/warming/target/redis_dialog.h"
#include "controller/warming/target/redis_target.h"

namespace stoker::warming {

struct RedisLayout {
  struct Range {  // of slots, both ends included
    std::uint16_t first = 0, last = 0;
    std::string address;  // host:port of the primary
  };
  std::vector<Range> ranges;
};

class RedisTopology {
 public:
  virtual ~RedisTopology() = default;
  virtual asio::awaitable<tl::expected<RedisLayout, TargetError>> Find(SteadyTime deadline) = 0;
  // Calls `changed` when the layout may have changed, until Cancel(). Not every topology tells.
  virtual asio::awaitable<void> Watch(std::function<void()> changed) = 0;
  virtual void Cancel() = 0;
  // False: all keys live on one node.
  [[nodiscard]] virtual bool by_slot() const = 0;
};

// `options` are those of every node; its endpoint is the first one to ask.
std::shared_ptr<RedisTopology> MakeClusterTopology(asio::io_context& loop,
                                                   std::shared_ptr<const EgressGuard> guard,
                                                   RedisOptions options);
// The endpoint is a sentinel's.
std::shared_ptr<RedisTopology> MakeSentinelTopology(asio::io_context& loop,
                                                    std::shared_ptr<const EgressGuard> guard,
                                                    RedisOptions options, std::string master);

// The answer of CLUSTER SLOTS, asked of `host`; none: it is no such answer.
std::optional<RedisLayout> ReadClusterSlots(const RespValue& answer, const std::string& host);

// "MOVED 3999 10.0.0.3:6379" or "ASK ...", as `host` said it.
struct RedisRedirect {
  bool ask = false;
  std::uint16_t slot = 0;
  std::string address;
};
std::optional<RedisRedirect> ParseRedirect(std::string_view text, const std::string& host);

// "[v6]:port" where the host has colons.
std::string JoinHostPort(std::string_view host, std::string_view port);

}  // namespace stoker::warming
