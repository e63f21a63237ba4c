#include "controller/warming/target/redis_slot.h"

#include <array>

namespace stoker::warming {
namespace {

constexpr std::array<std::uint16_t, 256> MakeCrc16Table() {  // CRC-16/XMODEM
  std::array<std::uint16_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t crc = byte << 8;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc & 0x8000U) != 0 ? (crc << 1) ^ 0x1021U : crc << 1;
    }
    table[byte] = static_cast<std::uint16_t>(crc);
  }
  return table;
}

constexpr auto kCrc16 = MakeCrc16Table();

std::string_view Tag(std::string_view key) {
  const auto open = key.find('{');
  if (open == std::string_view::npos) return key;
  const auto close = key.find('}', open + 1);
  if (close == std::string_view::npos || close == open + 1) return key;
  return key.substr(open + 1, close - open - 1);
}

}  // namespace

std::uint16_t SlotOf(std::string_view key) {
  std::uint16_t crc = 0;
  for (const char c : Tag(key)) {
    const auto byte = static_cast<unsigned char>(c);
    crc = static_cast<std::uint16_t>((crc << 8) ^ kCrc16[((crc >> 8) ^ byte) & 0xffU]);
  }
  return crc % kRedisSlots;
}

}  // namespace stoker::warming
