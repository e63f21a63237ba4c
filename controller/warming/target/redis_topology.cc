#include "controller/warming/target/redis_topology.h"

#include <algorithm>
#include <charconv>

#include "controller/warming/target/redis_slot.h"

namespace stoker::warming {
namespace {

using RespType = RespReply::Type;

template <class Number>
bool ReadNumber(std::string_view text, Number& number) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  return ec == std::errc() && end == text.data() + text.size();
}

bool IsSlot(const RespValue& value) {
  return value.type == RespType::kInteger && value.integer >= 0 && value.integer < kRedisSlots;
}

}  // namespace

std::string JoinHostPort(std::string_view host, std::string_view port) {
  const bool v6 = host.find(':') != std::string_view::npos;
  return (v6 ? "[" + std::string(host) + "]" : std::string(host)) + ":" + std::string(port);
}

// [[first, last, [host, port, ...], replicas...], ...]. A host that is null or empty is the one
// that was asked; "?" is one that the node does not know, and nobody could dial.
std::optional<RedisLayout> ReadClusterSlots(const RespValue& answer, const std::string& host) {
  if (answer.type != RespType::kArray) return std::nullopt;
  RedisLayout layout;
  for (const RespValue& range : answer.items) {
    if (range.items.size() < 3 || !IsSlot(range.items[0]) || !IsSlot(range.items[1])) {
      return std::nullopt;
    }
    const RespValue& node = range.items[2];
    if (node.items.size() < 2 || node.items[1].type != RespType::kInteger) return std::nullopt;
    const std::string& name = node.items[0].text;
    if (name == "?") continue;
    layout.ranges.push_back(
        {static_cast<std::uint16_t>(range.items[0].integer),
         static_cast<std::uint16_t>(range.items[1].integer),
         JoinHostPort(name.empty() ? host : name, std::to_string(node.items[1].integer))});
  }
  return layout;
}

std::optional<RedisRedirect> ParseRedirect(std::string_view text, const std::string& host) {
  RedisRedirect redirect;
  redirect.ask = text.starts_with("ASK ");
  if (!redirect.ask && !text.starts_with("MOVED ")) return std::nullopt;
  text.remove_prefix(text.find(' ') + 1);
  const auto space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  if (!ReadNumber(text.substr(0, space), redirect.slot) || redirect.slot >= kRedisSlots) {
    return std::nullopt;
  }
  const std::string_view address = text.substr(space + 1);
  const auto colon = address.rfind(':');
  int port = 0;
  if (colon == std::string_view::npos || !ReadNumber(address.substr(colon + 1), port) || port < 1 ||
      port > 65535) {
    return std::nullopt;
  }
  const std::string_view name = address.substr(0, colon);
  if (name == "?") return std::nullopt;
  if (name.starts_with('[')) {
    redirect.address = address;
  } else {
    redirect.address = JoinHostPort(name.empty() ? host : name, address.substr(colon + 1));
  }
  return redirect;
}

}  // namespace stoker::warming
