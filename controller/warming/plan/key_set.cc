#include "controller/warming/plan/key_set.h"

#include <utility>

namespace stoker::warming {
namespace {

constexpr std::size_t kFirstSlots = 16;

// Where in a segment a hash belongs: the bits below those that chose the segment, scaled to any
// size, so that a segment may grow by half instead of doubling.
std::size_t Home(std::uint64_t hash, std::size_t slots) {
  const std::uint64_t low = hash << 8 >> 32;
  return static_cast<std::size_t>((low * slots) >> 32);
}

void Put(std::vector<std::uint64_t>& slots, std::uint64_t hash) {
  std::size_t at = Home(hash, slots.size());
  while (slots[at] != 0) {
    if (++at == slots.size()) at = 0;
  }
  slots[at] = hash;
}

}  // namespace

KeySet::KeySet() : segments_(std::size_t{1} << kSegmentBits) {}

void KeySet::Grow(Segment& segment) {
  std::vector<std::uint64_t> bigger(
      segment.slots.empty() ? kFirstSlots : segment.slots.size() + segment.slots.size() / 2);
  for (const std::uint64_t hash : segment.slots) {
    if (hash != 0) Put(bigger, hash);
  }
  segment.slots = std::move(bigger);
}

bool KeySet::Insert(std::uint64_t hash) {
  if (hash == 0) {
    const bool fresh = !std::exchange(has_zero_, true);
    size_ += fresh ? 1 : 0;
    return fresh;
  }
  Segment& segment = segments_[hash >> (64 - kSegmentBits)];
  // Load 0.85 at most.
  if ((segment.used + 1) * 20 > segment.slots.size() * 17) Grow(segment);
  std::size_t at = Home(hash, segment.slots.size());
  while (segment.slots[at] != 0) {
    if (segment.slots[at] == hash) return false;
    if (++at == segment.slots.size()) at = 0;
  }
  segment.slots[at] = hash;
  ++segment.used;
  ++size_;
  return true;
}

void KeySet::Prefetch(std::uint64_t hash) const {
  const std::vector<std::uint64_t>& slots = segments_[hash >> (64 - kSegmentBits)].slots;
  if (!slots.empty()) __builtin_prefetch(&slots[Home(hash, slots.size())]);
}

bool KeySet::Contains(std::uint64_t hash) const {
  if (hash == 0) return has_zero_;
  const std::vector<std::uint64_t>& slots = segments_[hash >> (64 - kSegmentBits)].slots;
  if (slots.empty()) return false;
  std::size_t at = Home(hash, slots.size());
  while (slots[at] != 0 && slots[at] != hash) {
    if (++at == slots.size()) at = 0;
  }
  return slots[at] == hash;
}

std::size_t KeySet::MemoryBytes() const {
  std::size_t bytes = segments_.size() * sizeof(Segment);
  for (const Segment& segment : segments_)
    bytes += segment.slots.capacity() * sizeof(std::uint64_t);
  return bytes;
}

}  // namespace stoker::warming
