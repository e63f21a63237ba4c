#include "controller/warming/plan/selection.h"

#include <fmt/format.h>

#include <algorithm>

namespace stoker::warming {
namespace {

constexpr std::size_t kToleratedGaps = 4 * EntryArena::kBlockBytes;

}  // namespace

bool Selection::Better(const Kept& a, const Kept& b) {
  return a.score != b.score ? a.score > b.score : a.order < b.order;
}

Status Selection::Offer(const EntryChunk& chunk, const Entry& entry) {
  const std::uint64_t order = offered_++;
  if (top_ == 0) return {};
  if (kept_.size() == top_) {
    if (entry.score <= kept_.front().score) return {};  // ties: the earlier one stays
    std::pop_heap(kept_.begin(), kept_.end(), Better);
    arena_.Drop(kept_.back().place);
    kept_.pop_back();
    if (arena_.Gaps() > KeptBytes() / 2 + kToleratedGaps) Pack();
  } else if (kept_.empty()) {
    kept_.reserve(top_);  // growing would hold them twice; what is not reached is not touched
  }
  kept_.push_back({entry.score, order, arena_.Add(chunk, entry)});
  std::push_heap(kept_.begin(), kept_.end(), Better);
  if (KeptBytes() <= max_bytes_) return {};
  return Error{Code::kExhausted,
               fmt::format("spec.strategy.top: the best {} entries come to more than {} MiB; lower "
                           "top, or let an origin be asked for the values instead of taking them "
                           "from valueColumn, valuePointer or redis",
                           top_, max_bytes_ >> 20)};
}

void Selection::Pack() {
  std::ranges::sort(kept_, {}, &Kept::place);
  EntryArena packed(columns_);
  for (Kept& kept : kept_) {
    arena_.ReleaseBefore(kept.place);
    kept.place = packed.Move(arena_, kept.place);
  }
  arena_ = std::move(packed);
  std::make_heap(kept_.begin(), kept_.end(), Better);
}

void Selection::Finish() { std::sort(kept_.begin(), kept_.end(), Better); }

bool Selection::Take(EntryChunk& out, std::size_t max) {
  for (; max > 0 && taken_ < kept_.size() && !out.Full(); --max, ++taken_) {
    arena_.CopyTo(out, kept_[taken_].place, kept_[taken_].score);
  }
  return taken_ < kept_.size();
}

std::size_t Selection::MemoryBytes() const {
  return kept_.size() * sizeof(Kept) + arena_.MemoryBytes();
}

}  // namespace stoker::warming
