#pragma once

// The best N of a stream by score, in the memory of N.
//
// Of equal scores the earlier entry wins, so the same stream always gives the same selection, in
// the same order: best first, then earlier first.
//
// Thread safety: one thread.

#include <cstdint>
#include <vector>

#include "controller/warming/source/entry_chunk.h"

namespace stoker::warming {

class Selection {
 public:
  explicit Selection(std::size_t top) : top_(top) {}
  void Offer(const EntryChunk& chunk, const Entry& entry, std::size_t columns);
  // Ends the selection: sorts it and starts reading.
  void Finish();
  // Appends the next selected entries, at most `max`; false: none are left.
  bool Take(EntryChunk& out, std::size_t max);

 private:
  struct Kept {
    EntryChunk one;  // one entry with its columns
    std::uint64_t order;
    std::size_t columns;
  };
  static bool Better(const Kept& a, const Kept& b);

  std::size_t top_;
  std::uint64_t offered_ = 0;
  std::size_t taken_ = 0;
  std::vector<Kept> kept_;  // a heap, the worst on top, until Finish()
};

}  // namespace stoker::warming
