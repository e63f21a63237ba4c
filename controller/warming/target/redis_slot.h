#pragma once

// Which of a Redis Cluster's 16,384 slots a key belongs to: CRC16 of the key, or of what stands
// between its first "{" and the next "}", where that is not empty.
//
// Thread safety: pure.

#include <cstdint>
#include <string_view>

namespace stoker::warming {

inline constexpr std::uint16_t kRedisSlots = 16'384;

[[nodiscard]] std::uint16_t SlotOf(std::string_view key);

}  // namespace stoker::warming
