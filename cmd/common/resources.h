#pragma once

// Sizes a run to what its container may use.
//
// Thread safety: pure; `memory` of the options reads files, from one of the run's threads.

#include "controller/base/cgroup.h"
#include "controller/warming/run/run.h"

namespace stoker::cmd {

// Loops, values and batches that fit into the memory limit, and a watch over it. Without a limit the
// options stay as they are; loops that the user chose do in any case.
void FitToMemory(warming::RunOptions& options, const CgroupFiles& files = {});

}  // namespace stoker::cmd
