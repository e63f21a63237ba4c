#include "controller/warming/pace/places.h"

namespace stoker::warming {

Places::Places(int total, int loops)
    : count_(loops), loops_(new Loop[static_cast<std::size_t>(loops)]), free_(total) {
  for (int i = 0; i < count_; ++i) loops_[i].share = total / loops + (i < total % loops ? 1 : 0);
}

bool Places::TakeFree() {
  int free = free_.load();
  while (free > 0) {
    if (free_.compare_exchange_weak(free, free - 1)) return true;
  }
  return false;
}

void Places::SetShort(Loop& loop, bool is_short) {
  if (loop.is_short.load() == is_short) return;
  loop.is_short.store(is_short);
  short_.fetch_add(is_short ? 1 : -1);
}

bool Places::Take(int loop) {
  Loop& mine = loops_[loop];
  const bool borrows = mine.held >= mine.share;
  if (borrows && short_.load() > 0) return false;
  bool taken = TakeFree();
  if (!taken && !borrows) {
    // Says so before looking again: whoever gives a place back in between sees it, or is seen.
    SetShort(mine, true);
    taken = TakeFree();
  }
  if (!taken) return false;
  ++mine.held;
  SetShort(mine, false);
  return true;
}

int Places::Give(int loop) {
  --loops_[loop].held;
  free_.fetch_add(1);
  if (short_.load() == 0) return -1;
  for (int i = 1; i < count_; ++i) {
    const int other = (loop + i) % count_;
    if (loops_[other].is_short.load()) return other;
  }
  return -1;
}

}  // namespace stoker::warming
