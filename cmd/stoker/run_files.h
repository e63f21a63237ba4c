#pragma once

// The files that `stoker run` reads and writes beside manifests: which keys alone (--only), where
// an earlier run stood (--checkpoint), and what failed for good (--failed-to).
//
// What can be wrong with them is known before anything is touched. A checkpoint that cannot be
// written any more does not stop the warming; it is said once, and the program ends with 1.
//
// Thread safety: main thread, but what it hangs into RunOptions, which the run calls. Lifetime:
// outlives the run.

#include <CLI/App.hpp>
#include <istream>
#include <optional>
#include <ostream>
#include <string>

#include "cmd/stoker/checkpoint_file.h"
#include "cmd/stoker/failed_file.h"
#include "cmd/stoker/run_display.h"
#include "controller/warming/run/run.h"

namespace stoker::cli {

struct RunFileOptions {
  std::string failed_to;
  std::string checkpoint;
  std::string only;
};

void AddRunFiles(CLI::App& command, RunFileOptions& options);

class RunFiles {
 public:
  // Reads what is to be read. The list of --only becomes part of the plan's hash.
  Status Open(const RunFileOptions& options, std::istream& in, warming::RunSpec& spec,
              warming::RunOptions& run_options);
  // Once the run is known to be possible: nothing is left behind by one that is not.
  Status Begin();
  void Tick(RunDisplay& display);
  // False: something could not be written; `err` was told.
  bool End(const warming::Report& report, std::ostream& err);
  void Abandon() const;

 private:
  std::optional<FailedFile> failed_;
  std::optional<CheckpointFile> checkpoint_;
  std::optional<Error> not_written_;  // the checkpoint, the last time
  std::optional<KeyList> only_;
};

}  // namespace stoker::cli
