#pragma once

// Entries packed one behind the other, to keep millions of them for little more than the bytes of
// their keys.
//
// What is packed lies in blocks and never moves, so growth copies nothing. A dropped entry leaves a
// gap; the owner looks at Gaps() and packs what it still wants into a fresh arena, releasing the
// old blocks as it goes.
//
// Thread safety: one thread. Lifetime: a Place is good until its block is released.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "controller/warming/source/entry_chunk.h"

namespace stoker::warming {

class EntryArena {
 public:
  using Place = std::uint64_t;                         // ordered as they were added
  static constexpr std::size_t kBlockBytes = 1 << 20;  // an entry that is larger has its own

  // `scores`: they are kept here, in 8 bytes each.
  EntryArena(std::size_t columns, bool scores) : columns_(columns), scores_(scores) {}

  Place Add(const EntryChunk& chunk, const Entry& entry);
  Place Move(EntryArena& from, Place place);
  void Drop(Place place) { gaps_ += SizeAt(place); }
  // Appends a copy to `out`; where scores are not kept, its owner knows the score.
  void CopyTo(EntryChunk& out, Place place, double score) const;
  // Frees the blocks before the one in which `place` lies.
  void ReleaseBefore(Place place);

  [[nodiscard]] std::size_t Gaps() const { return gaps_; }
  [[nodiscard]] std::size_t Used() const { return used_; }  // gaps too
  [[nodiscard]] std::size_t MemoryBytes() const { return allocated_; }

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t size = 0;
  };
  Place Store(std::string_view packed);
  [[nodiscard]] const char* At(Place place) const;
  [[nodiscard]] std::size_t SizeAt(Place place) const;

  std::size_t columns_;
  bool scores_;
  std::vector<Block> blocks_;
  std::size_t released_ = 0;  // blocks, from the first
  std::size_t end_ = 0;       // of what is used of the last block
  std::size_t used_ = 0, gaps_ = 0, allocated_ = 0;
  std::string scratch_;
};

}  // namespace stoker::warming
