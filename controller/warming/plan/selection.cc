#include "controller/warming/plan/selection.h"

#include <algorithm>

namespace stoker::warming {

bool Selection::Better(const Kept& a, const Kept& b) {
  const double x = a.one.entries[0].score;
  const double y = b.one.entries[0].score;
  return x != y ? x > y : a.order < b.order;
}

void Selection::Offer(const EntryChunk& chunk, const Entry& entry, std::size_t columns) {
  const std::uint64_t order = offered_++;
  if (top_ == 0) return;
  if (kept_.size() == top_) {
    if (entry.score <= kept_.front().one.entries[0].score) return;  // ties: the earlier one stays
    std::pop_heap(kept_.begin(), kept_.end(), Better);
    kept_.pop_back();
  }
  Kept& kept = kept_.emplace_back();
  kept.order = order;
  kept.columns = columns;
  kept.one.AppendFrom(chunk, entry, columns);
  std::push_heap(kept_.begin(), kept_.end(), Better);
}

void Selection::Finish() { std::sort(kept_.begin(), kept_.end(), Better); }

bool Selection::Take(EntryChunk& out, std::size_t max) {
  for (; max > 0 && taken_ < kept_.size(); --max, ++taken_) {
    Kept& kept = kept_[taken_];
    out.AppendFrom(kept.one, kept.one.entries[0], kept.columns);
    kept.one = {};
  }
  return taken_ < kept_.size();
}

}  // namespace stoker::warming
