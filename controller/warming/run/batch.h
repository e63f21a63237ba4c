#pragma once

// A numbered handful of entries on its way, and what became of them so far.
//
// Thread safety: belongs to whoever holds it: the planner, the queue, then one loop until it is
// complete.

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "controller/warming/run/counters.h"
#include "controller/warming/run/failure_table.h"
#include "controller/warming/source/entry_chunk.h"

namespace stoker::warming {

// What finished entries add up to: of a batch, or of all batches that a checkpoint covers.
struct Outcome {
  std::int64_t warmed = 0, skipped = 0, failed = 0, bytes = 0;
  std::array<std::int64_t, kMaxTargets> target_warmed{}, target_failed{};
  std::int64_t first_expiry_us = kNeverUs;
  FailureTable failures;

  void Merge(const Outcome& other) {
    warmed += other.warmed;
    skipped += other.skipped;
    failed += other.failed;
    bytes += other.bytes;
    for (std::size_t i = 0; i < kMaxTargets; ++i) {
      target_warmed[i] += other.target_warmed[i];
      target_failed[i] += other.target_failed[i];
    }
    first_expiry_us = std::min(first_expiry_us, other.first_expiry_us);
    failures.Merge(other.failures);
  }
};

// An entry to read back after it was written.
struct Sample {
  std::uint32_t entry;
  std::uint8_t targets;  // a bit for each that took our value
  std::uint64_t value_hash;
  std::uint64_t value_size;
};

struct Batch {
  std::int64_t number = 0;
  nlohmann::json cursor;  // Keyset: where the sources stood after this batch
  EntryChunk chunk;
  std::vector<std::uint8_t> missing;  // of each entry: a bit for each target that lacks it
  std::size_t remaining = 0;          // entries that are not finished
  Outcome outcome;
  std::vector<Sample> samples;
  Millis shortest_ttl = Millis::max();  // of what was written so far

  [[nodiscard]] std::size_t MemoryBytes() const {
    return sizeof(Batch) + chunk.text.size() + chunk.entries.size() * (sizeof(Entry) + 1) +
           chunk.columns.size() * sizeof(EntryChunk::Span);
  }
};
using BatchPtr = std::unique_ptr<Batch>;

}  // namespace stoker::warming
