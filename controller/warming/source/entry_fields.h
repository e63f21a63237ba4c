#pragma once

// What all sources make entries of: a key by a template, a score, a time to live.
//
// Thread safety: pure functions and a plain value.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "controller/warming/source/entry_chunk.h"
#include "controller/warming/source/template.h"

namespace stoker::warming {

// Appends an entry whose key is `key` over `values`. One that is too long is cut and marked, and no
// more than kMaxKeyBytes of it are ever rendered.
Entry& AppendKey(const Template& key, std::span<const std::string_view> values, double score,
                 EntryChunk& chunk);

// The finite number that is the whole of `text`.
std::optional<double> ParseNumber(std::string_view text);

// What a source says of an entry beside its key.
struct EntryFields {
  double score = 1;
  std::int64_t ttl_ms = 0;
  bool expired = false;  // the entry is to be left out
  EntryDefect defect = EntryDefect::kNone;

  // Of none the entry is defective: there was something, but no number. Ten years are the longest.
  void SetTtl(std::optional<double> seconds);
  void SetScore(std::optional<double> number);
  // Marks the chunk's last entry; what is wrong with it already stays.
  void CloseEntry(EntryChunk& chunk) const;
};

}  // namespace stoker::warming
