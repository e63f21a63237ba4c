#pragma once

// Drives a run from the main thread: shows how it goes, and stops it gently when asked to.
//
// At `end_by` it cancels the run likewise: what is warm then has to do.
//
// The first SIGINT or SIGTERM cancels the run, which ends within a second and still tells its
// tally. The second one, or a run that does not end, ends the process at once; `abandon` is called
// just before.
//
// Thread safety: main thread only.

#include <functional>

#include "cmd/common/signals.h"
#include "cmd/stoker/run_display.h"
#include "controller/warming/run/run.h"

namespace stoker::cli {

struct RunEnd {
  warming::Report report;
  int signal = 0;     // the one that stopped it; 0: none did
  bool late = false;  // end_by came first
};

struct RunHooks {
  SteadyTime end_by = SteadyTime::max();
  std::function<void()> tick;     // every now and then, and when the run is over
  std::function<void()> abandon;  // the process ends at once
};

RunEnd DriveRun(warming::Run& run, RunDisplay& display, cmd::Signals& signals,
                const RunHooks& hooks);

// 0 success, 1 failed, 128 + the signal that stopped it.
int ExitCode(const RunEnd& end);

}  // namespace stoker::cli
