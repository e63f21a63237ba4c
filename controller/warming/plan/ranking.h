#pragma once

// Where an entry stands in the order of a strategy: the higher its rank, the earlier it is warmed.
//
//   Selective     its score
//   BreadthFirst  how few segments its key has, so that parents come before their children
//   Priority      importance x score / cost; the cost is its KiB where it brings its value, else 1
//
// Thread safety: const after construction.

#include <cstddef>

#include "controller/api/types.h"
#include "controller/warming/source/entry_chunk.h"

namespace stoker::warming {

class Ranking {
 public:
  explicit Ranking(api::Strategy strategy) : strategy_(std::move(strategy)) {}
  // `columns`: how many an entry has.
  [[nodiscard]] double Of(const EntryChunk& chunk, const Entry& entry, std::size_t columns) const;

 private:
  [[nodiscard]] double ImportanceOf(std::string_view key) const;

  api::Strategy strategy_;
};

// How many segments the key has between separators; empty ones do not count: "/" has none, "/a/" one.
[[nodiscard]] std::size_t KeyDepth(std::string_view key, std::string_view separator);

}  // namespace stoker::warming
