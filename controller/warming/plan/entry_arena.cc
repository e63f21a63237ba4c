#include "controller/warming/plan/entry_arena.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace stoker::warming {
namespace {

// Seven bits a byte, the lowest first: most numbers here need one.
void PutNumber(std::string& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) out.push_back(static_cast<char>(number | 0x80));
  out.push_back(static_cast<char>(number));
}

std::uint64_t GetNumber(const char*& at) {
  std::uint64_t number = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(*at++);
    number |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return number;
  }
}

}  // namespace

// Packed: what follows in bytes; source; defect, and whether it carries a value; TTL; the size of
// the key and of each column, the value being the last; their bytes; the score, where it is kept.
// The hash is made again of the key.
EntryArena::Place EntryArena::Add(const EntryChunk& chunk, const Entry& entry) {
  const std::size_t columns = columns_ + (entry.carries_value ? 1 : 0);
  scratch_.clear();
  PutNumber(scratch_, entry.source);
  PutNumber(scratch_, static_cast<std::uint64_t>(entry.defect) * 2 + (entry.carries_value ? 1 : 0));
  PutNumber(scratch_, static_cast<std::uint64_t>(entry.ttl_ms));
  PutNumber(scratch_, entry.key_size);
  for (std::size_t i = 0; i < columns; ++i) PutNumber(scratch_, chunk.Column(entry, i).size());
  scratch_ += chunk.Key(entry);
  for (std::size_t i = 0; i < columns; ++i) scratch_ += chunk.Column(entry, i);
  if (scores_) {
    char score[sizeof(double)];
    std::memcpy(score, &entry.score, sizeof(score));
    scratch_.append(score, sizeof(score));
  }
  std::string size;  // short enough to need no allocation
  PutNumber(size, scratch_.size());
  scratch_.insert(0, size);
  return Store(scratch_);
}

EntryArena::Place EntryArena::Move(EntryArena& from, Place place) {
  return Store({from.At(place), from.SizeAt(place)});
}

EntryArena::Place EntryArena::Store(std::string_view packed) {
  if (blocks_.empty() || blocks_.back().size - end_ < packed.size()) {
    Block block;
    block.size = std::max(kBlockBytes, packed.size());
    block.bytes.reset(new char[block.size]);  // left as it is: what is never used is never touched
    allocated_ += block.size;
    blocks_.push_back(std::move(block));
    end_ = 0;
  }
  std::memcpy(blocks_.back().bytes.get() + end_, packed.data(), packed.size());
  const Place place = (static_cast<Place>(blocks_.size() - 1) << 32) | end_;
  end_ += packed.size();
  used_ += packed.size();
  return place;
}

const char* EntryArena::At(Place place) const {
  return blocks_[place >> 32].bytes.get() + (place & UINT32_MAX);
}

std::size_t EntryArena::SizeAt(Place place) const {
  const char* const begin = At(place);
  const char* at = begin;
  const std::uint64_t rest = GetNumber(at);
  return static_cast<std::size_t>(at - begin) + rest;
}

void EntryArena::CopyTo(EntryChunk& out, Place place, double score) const {
  const char* at = At(place);
  GetNumber(at);
  const std::uint64_t source = GetNumber(at);
  const std::uint64_t defect = GetNumber(at);
  const std::uint64_t ttl_ms = GetNumber(at);
  const std::uint64_t key_size = GetNumber(at);
  std::vector<std::size_t> sizes(columns_ + defect % 2);
  for (std::size_t& size : sizes) size = GetNumber(at);
  Entry& entry = out.Append({at, key_size}, score);
  entry.source = static_cast<std::uint16_t>(source);
  entry.defect = static_cast<EntryDefect>(defect / 2);
  entry.carries_value = defect % 2 != 0;
  entry.ttl_ms = static_cast<std::int64_t>(ttl_ms);
  at += key_size;
  for (const std::size_t size : sizes) {
    out.AppendColumn({at, size});
    at += size;
  }
  if (scores_) std::memcpy(&out.entries.back().score, at, sizeof(double));
}

void EntryArena::ReleaseBefore(Place place) {
  for (; released_ < (place >> 32); ++released_) {
    Block& block = blocks_[released_];
    allocated_ -= block.size;
    block = {};
  }
}

}  // namespace stoker::warming
