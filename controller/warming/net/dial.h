#pragma once

// Tries the addresses of a host in turn, each with a head start, until one accepts (RFC 8305).
//
// Thread safety: one loop. Every address is judged by the guard just before its dial.

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <string>
#include <vector>

#include "controller/warming/net/connect.h"
#include "controller/warming/net/waiting.h"

namespace stoker::warming {

using DialResult = tl::expected<asio::ip::tcp::socket, ConnectError>;

asio::awaitable<DialResult> Dial(asio::io_context& loop, std::vector<asio::ip::address> addresses,
                                 std::uint16_t port, const EgressGuard& guard, std::string where,
                                 Waiter& waiter, SteadyTime deadline);

}  // namespace stoker::warming
