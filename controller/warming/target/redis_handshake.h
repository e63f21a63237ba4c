#pragma once

// The first words on a fresh connection to Redis: who we are, which database, and whether it
// serves.
//
// A server that loads its data or wants a password accepts connections all the same. So the
// handshake ends with a harmless question, and what stands in the way is known when the target
// opens, not at the first entry.
//
// Thread safety: one loop. The deadline is the caller's: closing the stream ends the wait.

#include <asio/awaitable.hpp>
#include <optional>

#include "controller/warming/net/connect.h"
#include "controller/warming/target/receive_buffer.h"
#include "controller/warming/target/redis_target.h"

namespace stoker::warming {

// None: the connection is ready. The arguments outlive the call. No error quotes what holds the
// password.
asio::awaitable<std::optional<TargetError>> ShakeHands(Stream& stream, ReceiveBuffer& received,
                                                       const RedisOptions& options);

}  // namespace stoker::warming
