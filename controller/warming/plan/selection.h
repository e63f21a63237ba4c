#pragma once

// The best N of a stream by score, in the memory of N: 24 bytes an entry and its key and columns,
// packed. Ten million keys of 16 bytes take 450 MB, those that only looked good for a while take
// half as much again at most.
//
// Of equal scores the earlier entry wins, so the same stream always gives the same selection, in
// the same order: best first, then earlier first.
//
// Thread safety: one thread.

#include <cstdint>
#include <vector>

#include "controller/warming/plan/entry_arena.h"

namespace stoker::warming {

class Selection {
 public:
  // `columns`: how many an entry has.
  Selection(std::size_t top, std::size_t columns) : top_(top), columns_(columns), arena_(columns) {}
  void Offer(const EntryChunk& chunk, const Entry& entry);
  // Ends the selection: sorts it and starts reading.
  void Finish();
  // Appends the next selected entries, at most `max`; false: none are left.
  bool Take(EntryChunk& out, std::size_t max);
  [[nodiscard]] std::size_t MemoryBytes() const;

 private:
  struct Kept {
    double score;
    std::uint64_t order;
    EntryArena::Place place;
  };
  static bool Better(const Kept& a, const Kept& b);
  void Pack();

  std::size_t top_;
  std::size_t columns_;
  std::uint64_t offered_ = 0;
  std::size_t taken_ = 0;
  std::vector<Kept> kept_;  // a heap, the worst on top, until Finish()
  EntryArena arena_;
};

}  // namespace stoker::warming
