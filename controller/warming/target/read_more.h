#pragma once

// The step between two looks at a reply that is not there whole.
//
// Thread safety: one loop. The deadline is the caller's: closing the stream ends the wait.

#include <asio/awaitable.hpp>
#include <string>

#include "controller/warming/net/connect.h"
#include "controller/warming/target/receive_buffer.h"
#include "controller/warming/target/target.h"

namespace stoker::warming {

// Adds what comes next to `received`, and returns how many bytes that were. An error: the stream
// ended. The arguments outlive the call; `where` is "host:port".
asio::awaitable<tl::expected<std::size_t, TargetError>> ReadMore(Stream& stream,
                                                                 ReceiveBuffer& received,
                                                                 const std::string& where);

}  // namespace stoker::warming
