#pragma once

// The command line as a whole: every subcommand, and what is said when it does not parse.
//
// Thread safety: main thread only.

#include <CLI/App.hpp>
#include <string>

#include "cmd/stoker/command.h"

namespace stoker::cli {

// Parses, runs the subcommand, and returns the exit code. `environment` outlives the call.
int RunCommandLine(int argc, const char* const* argv, Environment& environment);

}  // namespace stoker::cli
