#pragma once

// What a process has cost so far, as the kernel counts it.
//
// Thread safety: any thread. Of a process that is gone, nothing.

#include <sys/types.h>

namespace stoker::testing {

struct ProcessCost {
  double cpu_seconds = 0;  // user and system
  double rss_mib = 0;
};

ProcessCost CostOf(pid_t pid);

}  // namespace stoker::testing
