#pragma once

// Signals as events that the main thread waits for, instead of handlers that interrupt any thread
// anywhere.
//
// Make one first in main: SIGINT and SIGTERM are then blocked in every thread started later, and
// only Wait() sees them. SIGPIPE is ignored, so that a closed pipe or socket is an error of the
// write.
//
// Thread safety: Wait() from the main thread.

#include <chrono>

namespace stoker::cmd {

class Signals {
 public:
  Signals();
  // The signal that came, or 0 after `timeout`.
  int Wait(std::chrono::milliseconds timeout);
};

}  // namespace stoker::cmd
