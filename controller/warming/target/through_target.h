#pragma once

// A target that fills itself when entries are fetched through it (see origin/through_caches.h):
// nothing is written to it, and it can only be asked by fetching.
//
// Thread safety: as Target.

#include <memory>

#include "controller/warming/target/target.h"

namespace stoker::warming {

std::unique_ptr<Target> MakeThroughTarget();

}  // namespace stoker::warming
