#pragma once

// The numbers that servers tell about themselves, a line each: INFO of Redis, stats of memcached.
//
// Thread safety: pure functions.

#include <cstdint>
#include <optional>
#include <string_view>

namespace stoker::warming {

// Of the line that begins with `mark`: 1024 for "used_memory:" in "...\r\nused_memory:1024\r\n...".
// None: there is no such line, or no number behind it.
std::optional<std::int64_t> NumberBehind(std::string_view lines, std::string_view mark);

}  // namespace stoker::warming
