#pragma once

// Entries, many at a time and without an allocation each.
//
// The keys (and the columns that URL templates ask for) lie one behind the other in one buffer; an
// Entry is a few numbers that point into it. Clearing keeps the memory, so a stream of chunks
// allocates once. What would not fit into kMaxChunkText is left out, and its entry says so.
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
inline constexpr std::size_t kMaxValueBytes = 64 << 20;  // of an entry that carries its value
// A source ends a chunk at about one of these.
inline constexpr std::size_t kChunkEntries = 512;
inline constexpr std::size_t kChunkBytes = 256 << 10;
// Room for a full chunk and one entry more with the largest value; far from what 32 bits point at.
inline constexpr std::size_t kMaxChunkText = 128 << 20;

// What is wrong with an entry before anything was asked of it.
enum class EntryDefect : std::uint8_t {
  kNone,
  kKeyTooLong,
  kBadLine,
  kBadUrl,
  kMissingField,  // what the key, the URL or the value is made of is absent or null
  kBadScore,
  kBadTtl,
  kValueTooLarge,
  kNotAString,  // a list, a set, ... of another cache
  kKeyMismatch,
};

struct Entry {
  std::uint64_t hash = 0;
  double score = 1;
  std::int64_t ttl_ms = 0;  // what the source says of this entry; 0: nothing
  std::uint32_t offset = 0;
  std::uint32_t key_size = 0;
  std::uint32_t first_column = 0;
  std::uint16_t source = 0;
  EntryDefect defect = EntryDefect::kNone;
  bool carries_value = false;  // it follows the columns; nothing is fetched
};

struct EntryChunk {
  struct Span {
    std::uint32_t offset;
    std::uint32_t size;
  };
  std::string text;
  std::vector<Entry> entries;
  std::vector<Span> columns;
  // What the reader has room for; a Keyset source never passes it by more than one entry's bytes.
  std::size_t want_entries = kChunkEntries;
  std::size_t want_bytes = kChunkBytes;

  [[nodiscard]] bool Full() const {
    return entries.size() >= want_entries || text.size() >= want_bytes;
  }

  [[nodiscard]] std::string_view Key(const Entry& entry) const {
    return std::string_view(text).substr(entry.offset, entry.key_size);
  }
  [[nodiscard]] std::string_view Column(const Entry& entry, std::size_t index) const {
    const Span span = columns[entry.first_column + index];
    return std::string_view(text).substr(span.offset, span.size);
  }

  // Appends a key that the caller has put at the end of `text`, from `offset` on.
  Entry& Close(std::size_t offset, double score) {
    const bool fits = text.size() <= kMaxChunkText;
    if (!fits) text.resize(offset);
    Entry entry;
    entry.offset = static_cast<std::uint32_t>(offset);
    entry.key_size = static_cast<std::uint32_t>(text.size() - offset);
    entry.hash = KeyHash(std::string_view(text).substr(offset));
    entry.score = score;
    entry.first_column = static_cast<std::uint32_t>(columns.size());
    if (!fits) entry.defect = EntryDefect::kKeyTooLong;
    return entries.emplace_back(entry);
  }
  Entry& Append(std::string_view key, double score) {
    const std::size_t offset = text.size();
    text.append(key);
    return Close(offset, score);
  }
  // Of the last entry.
  void AppendColumn(std::string_view value) {
    if (value.size() > kMaxChunkText - text.size()) {
      entries.back().defect = EntryDefect::kValueTooLarge;
      value = {};
    }
    columns.push_back(
        {static_cast<std::uint32_t>(text.size()), static_cast<std::uint32_t>(value.size())});
    text.append(value);
  }
  // The value of an entry that carries one, where entries have `column_count` columns.
  [[nodiscard]] std::string_view Value(const Entry& entry, std::size_t column_count) const {
    return Column(entry, column_count);
  }
  // Gives the last entry a value, after all its columns.
  void AppendValue(std::string_view value) {
    AppendColumn(value);
    entries.back().carries_value = true;
  }
  // Appends a copy of an entry of another chunk, with its first `column_count` columns and its
  // value.
  void AppendFrom(const EntryChunk& other, const Entry& entry, std::size_t column_count) {
    Entry copy = entry;
    const std::string_view key = other.Key(entry);
    copy.offset = static_cast<std::uint32_t>(text.size());
    copy.first_column = static_cast<std::uint32_t>(columns.size());
    if (key.size() <= kMaxChunkText - text.size()) {
      text.append(key);
    } else {
      copy.key_size = 0;
      copy.defect = EntryDefect::kKeyTooLong;
    }
    entries.push_back(copy);
    const std::size_t spans = column_count + (entry.carries_value ? 1 : 0);
    for (std::size_t i = 0; i < spans; ++i) AppendColumn(other.Column(entry, i));
  }
  void Clear() {
    text.clear();
    entries.clear();
    columns.clear();
  }
};

}  // namespace stoker::warming
