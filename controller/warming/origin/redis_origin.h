#pragma once

// Values from another Redis or Valkey: pipelined, with the time that each has left.
//
// STRLEN comes first, so that a value beyond `max_value` is never read, and room is claimed before
// the values come, some 4 MiB at a time. A key that the server refuses fails alone, as do those of
// a node that is down.
//
// Thread safety: as BatchAsker.

#include <memory>

#include "controller/warming/origin/batched_origin.h"
#include "controller/warming/target/redis_reader.h"

namespace stoker::warming {

// `redis`: the connection, be it to one server, a cluster or what sentinels name. It is opened when
// the first keys are asked for.
std::unique_ptr<BatchAsker> MakeRedisAsker(asio::io_context& loop,
                                           std::unique_ptr<RedisReader> redis, std::string where,
                                           Millis timeout, std::size_t max_value,
                                           std::shared_ptr<ByteBudget> budget);

}  // namespace stoker::warming
