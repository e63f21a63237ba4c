#include "controller/warming/pace/capacity_gate.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace stoker::warming {
namespace {

constexpr std::int64_t kBookkeeping = 128;  // of an entry, in Redis and memcached alike
constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max() / 4;

}  // namespace

std::int64_t CapacityGate::Weight(std::size_t key, std::size_t value) {
  const auto bytes = static_cast<std::int64_t>(key + value);
  return bytes + bytes / 4 + kBookkeeping;
}

bool CapacityGate::Take(std::int64_t weight) {
  // Never below nothing, not even for a moment: a measure that came in between would be added to.
  std::int64_t credit = credit_.load(std::memory_order_relaxed);
  do {
    if (credit < weight) return false;
  } while (!credit_.compare_exchange_weak(credit, credit - weight, std::memory_order_relaxed));
  in_flight_.fetch_add(weight, std::memory_order_relaxed);
  return true;
}

std::int64_t CapacityGate::RoomOf(const Capacity& node) const {
  if (node.most_bytes <= 0) return kUnlimited;
  return static_cast<std::int64_t>(static_cast<double>(node.most_bytes) * max_percent_ / 100) -
         node.used_bytes;
}

std::optional<std::string> CapacityGate::Measured(const std::vector<Capacity>& nodes,
                                                  std::int64_t weight) {
  const std::lock_guard lock(mutex_);
  std::int64_t room = kUnlimited;
  for (const Capacity& node : nodes) {
    const auto [before, first] = evicted_before_.emplace(node.where, node.evicted);
    // A node that restarted counts from nothing.
    if (node.evicted < before->second) before->second = node.evicted;
    if (node.evicted > before->second) {
      return fmt::format("{} evicted {} keys during the run", node.where,
                         node.evicted - before->second);
    }
    const std::int64_t here = RoomOf(node);
    if (here <= weight) {
      return fmt::format(
          "{} uses {:.1f} % of its memory ({} of {} bytes), and maxMemoryPercent is {}", node.where,
          100.0 * static_cast<double>(node.used_bytes) / static_cast<double>(node.most_bytes),
          node.used_bytes, node.most_bytes, max_percent_);
    }
    room = std::min(room, here);
  }
  room -= in_flight_.load(std::memory_order_relaxed);
  credit_.store(std::max({room / 2, std::min(weight, room), std::int64_t{0}}),
                std::memory_order_relaxed);
  return std::nullopt;
}

}  // namespace stoker::warming
