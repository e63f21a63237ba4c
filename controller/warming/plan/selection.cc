#include "controller/warming/plan/selection.h"

#include <fmt/format.h>

#include <algorithm>

namespace stoker::warming {
namespace {

constexpr std::size_t kToleratedGaps = 4 * EntryArena::kBlockBytes;

}  // namespace

bool Selection::Better(const Kept& a, const Kept& b) {
  return a.rank != b.rank ? a.rank > b.rank : a.order < b.order;
}

Status Selection::Offer(const EntryChunk& chunk, const Entry& entry, double rank) {
  const std::uint64_t order = offered_++;
  const bool all = !options_.top;
  const std::size_t most = options_.top.value_or(options_.most);
  if (most == 0) return {};
  if (kept_.size() == most) {
    if (all) return TooMuch(fmt::format("more than {} entries", most));
    if (rank <= kept_.front().rank) return {};  // ties: the earlier one stays
    std::pop_heap(kept_.begin(), kept_.end(), Better);
    arena_.Drop(kept_.back().place);
    kept_.pop_back();
    if (arena_.Gaps() > KeptBytes() / 2 + kToleratedGaps) Pack();
  } else if (kept_.empty()) {
    kept_.reserve(most);  // growing would hold them twice; what is not reached is not touched
  }
  kept_.push_back({rank, order, arena_.Add(chunk, entry)});
  if (!all) std::push_heap(kept_.begin(), kept_.end(), Better);
  if (KeptBytes() <= options_.max_bytes) return {};
  return TooMuch(fmt::format("more than {} MiB", options_.max_bytes >> 20));
}

Error Selection::TooMuch(const std::string& what) const {
  constexpr char kMend[] =
      "or let an origin be asked for the values instead of taking them from the source";
  if (options_.top) {
    return {Code::kExhausted,
            fmt::format("spec.strategy.top: the best {} entries come to {}; lower top, {}",
                        *options_.top, what, kMend)};
  }
  return {Code::kExhausted,
          fmt::format("spec.strategy: all entries are put in order, and they come to {}; set top "
                      "to warm only the first of them, {}",
                      what, kMend)};
}

void Selection::Pack() {
  std::ranges::sort(kept_, {}, &Kept::place);
  EntryArena packed(options_.columns, !options_.by_score);
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
    arena_.CopyTo(out, kept_[taken_].place, kept_[taken_].rank);
  }
  return taken_ < kept_.size();
}

std::size_t Selection::MemoryBytes() const {
  return kept_.size() * sizeof(Kept) + arena_.MemoryBytes();
}

}  // namespace stoker::warming
