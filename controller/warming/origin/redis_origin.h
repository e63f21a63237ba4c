#pragma once

// Values from another Redis or Valkey: pipelined GET, with the time that each has left.
//
// Thread safety: as BatchAsker.

#include <memory>

#include "controller/warming/origin/batched_origin.h"
#include "controller/warming/target/target.h"

namespace stoker::warming {

// `redis`: the connection, be it to one server, a cluster or what sentinels name. How many keys are
// asked for at once follows the values' size, so that an answer stays at some 4 MiB; a value
// beyond `max_value` fails its entry.
std::unique_ptr<BatchAsker> MakeRedisAsker(asio::io_context& loop, std::unique_ptr<Target> redis,
                                           std::string where, Millis timeout, std::size_t max_value,
                                           std::shared_ptr<ByteBudget> budget);

}  // namespace stoker::warming
