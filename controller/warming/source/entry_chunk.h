#pragma once

// Entries, many at a time and without an allocation each.
//
// The keys (and the columns that URL templates ask for) lie one behind the other in one buffer; an
// Entry is a few numbers that point into it. Clearing keeps the memory, so a stream of chunks
// allocates once.
//
// Thread safety: a plain value. Views are good until the next Append or Clear.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/hash.h"

namespace stoker::warming {

inline constexpr std::size_t kMaxKeyBytes = 64 << 10;

// What is wrong with an entry before anything was asked of it.
enum class EntryDefect : std::uint8_t { kNone, kKeyTooLong, kBadLine, kBadUrl };

struct Entry {
  std::uint64_t hash = 0;
  double score = 1;
  std::uint32_t offset = 0;
  std::uint32_t key_size = 0;
  std::uint32_t first_column = 0;
  std::uint16_t source = 0;
  EntryDefect defect = EntryDefect::kNone;
};

struct EntryChunk {
  struct Span {
    std::uint32_t offset;
    std::uint32_t size;
  };
  std::string text;
  std::vector<Entry> entries;
  std::vector<Span> columns;

  [[nodiscard]] std::string_view Key(const Entry& entry) const {
    return std::string_view(text).substr(entry.offset, entry.key_size);
  }
  [[nodiscard]] std::string_view Column(const Entry& entry, std::size_t index) const {
    const Span span = columns[entry.first_column + index];
    return std::string_view(text).substr(span.offset, span.size);
  }

  // Appends a key that the caller has put at the end of `text`, from `offset` on.
  Entry& Close(std::size_t offset, double score) {
    Entry entry;
    entry.offset = static_cast<std::uint32_t>(offset);
    entry.key_size = static_cast<std::uint32_t>(text.size() - offset);
    entry.hash = KeyHash(std::string_view(text).substr(offset));
    entry.score = score;
    entry.first_column = static_cast<std::uint32_t>(columns.size());
    return entries.emplace_back(entry);
  }
  Entry& Append(std::string_view key, double score) {
    const std::size_t offset = text.size();
    text.append(key);
    return Close(offset, score);
  }
  void AppendColumn(std::string_view value) {
    columns.push_back(
        {static_cast<std::uint32_t>(text.size()), static_cast<std::uint32_t>(value.size())});
    text.append(value);
  }
  // Appends a copy of an entry of another chunk, with its first `column_count` columns.
  void AppendFrom(const EntryChunk& other, const Entry& entry, std::size_t column_count) {
    Entry copy = entry;
    copy.offset = static_cast<std::uint32_t>(text.size());
    copy.first_column = static_cast<std::uint32_t>(columns.size());
    text.append(other.Key(entry));
    entries.push_back(copy);
    for (std::size_t i = 0; i < column_count; ++i) AppendColumn(other.Column(entry, i));
  }
  void Clear() {
    text.clear();
    entries.clear();
    columns.clear();
  }
};

}  // namespace stoker::warming
