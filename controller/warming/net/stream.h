#pragma once

// The two kinds of Stream: a TCP socket, and TLS over one.
//
// Thread safety: one loop.

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <memory>
#include <string>

#include "controller/warming/net/connect.h"
#include "controller/warming/net/waiting.h"

namespace stoker::warming {

// `name` is "host:port", for sentences.
std::unique_ptr<Stream> MakePlainStream(asio::ip::tcp::socket socket, std::string name);

// Shakes hands over `socket`. The waiter ends the wait early: by deadline or by Cancel().
asio::awaitable<ConnectResult> MakeTlsStream(asio::ip::tcp::socket socket, Endpoint endpoint,
                                             Waiter& waiter, SteadyTime deadline);

}  // namespace stoker::warming
