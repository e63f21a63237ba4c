#pragma once

// Which keys this run has seen: their 64-bit hashes, about 9.4 bytes a key.
//
// The set grows by splitting: it is cut into segments by the high bits of the hash, and only a
// segment that is full doubles, so growth never holds the whole set twice. Two keys with one hash
// count as one; at ten million keys the odds of a single such pair are 1 in 370,000.
//
// Thread safety: one thread; const methods from any, while nobody inserts.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace stoker::warming {

class KeySet {
 public:
  KeySet();
  // True when the hash is new.
  bool Insert(std::uint64_t hash);
  [[nodiscard]] bool Contains(std::uint64_t hash) const;
  // Tells the processor that this hash is about to be asked for.
  void Prefetch(std::uint64_t hash) const;
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t MemoryBytes() const;

 private:
  static constexpr int kSegmentBits = 8;
  struct Segment {
    std::vector<std::uint64_t> slots;  // 0: free; the hash 0 is kept apart
    std::size_t used = 0;
  };
  static void Grow(Segment& segment);

  std::vector<Segment> segments_;
  std::size_t size_ = 0;
  bool has_zero_ = false;
};

}  // namespace stoker::warming
