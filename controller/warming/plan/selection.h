#pragma once

// The best N of a stream by their ranks, or all of it, best first; in the memory of N: 24 bytes an
// entry and its key, its columns and the value that it may carry, packed. Ten million keys of 16
// bytes take 450 MB, those that only looked good for a while take half as much again at most. Where
// values, columns or long keys would take more than kMaxSelectedBytes, or all are more than
// kMostOrdered, the selection fails rather than its host.
//
// Of equal ranks the earlier entry wins, so the same stream always gives the same selection, in
// the same order: best first, then earlier first.
//
// Thread safety: one thread.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/result.h"
#include "controller/warming/plan/entry_arena.h"

namespace stoker::warming {

// Of what is packed, not of the 24 bytes: a little more than ten million keys of 16 bytes.
inline constexpr std::size_t kMaxSelectedBytes = 256 << 20;

inline constexpr std::size_t kMostOrdered = 10'000'000;

struct SelectionOptions {
  std::optional<std::size_t> top{};  // none: everything
  std::size_t columns = 0;           // that an entry has
  bool by_score = true;              // an entry's rank is its score
  std::size_t max_bytes = kMaxSelectedBytes;
  std::size_t most = kMostOrdered;
};

class Selection {
 public:
  explicit Selection(const SelectionOptions& options)
      : options_(options), arena_(options.columns, !options.by_score) {}
  // kExhausted: what is kept takes too much.
  Status Offer(const EntryChunk& chunk, const Entry& entry, double rank);
  // Ends the selection: sorts it and starts reading.
  void Finish();
  // Appends the next selected entries, at most `max` and until `out` is full; false: none are left.
  bool Take(EntryChunk& out, std::size_t max);
  [[nodiscard]] std::size_t MemoryBytes() const;

 private:
  struct Kept {
    double rank;
    std::uint64_t order;
    EntryArena::Place place;
  };
  static bool Better(const Kept& a, const Kept& b);
  void Pack();
  [[nodiscard]] std::size_t KeptBytes() const { return arena_.Used() - arena_.Gaps(); }

  [[nodiscard]] Error TooMuch(const std::string& what) const;

  SelectionOptions options_;
  std::uint64_t offered_ = 0;
  std::size_t taken_ = 0;
  std::vector<Kept> kept_;  // with a top, a heap, the worst on top, until Finish()
  EntryArena arena_;
};

}  // namespace stoker::warming
