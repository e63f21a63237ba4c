#pragma once

// Where a run stands, in a file: `stoker run --checkpoint FILE` goes on where a run that was killed
// stood.
//
// The run hands its checkpoints over from a thread of its own; the main thread writes the newest
// one, so that a slow disk delays nobody. The file is there whole or not at all. Once a run came to
// its end there is nothing to go on with, and the file is removed.
//
// Thread safety: Take() from any thread, the rest on the main thread.

#include <mutex>
#include <optional>
#include <string>

#include "cmd/stoker/aside_file.h"
#include "controller/base/result.h"
#include "controller/warming/run/run.h"

namespace stoker::cli {

class CheckpointFile {
 public:
  explicit CheckpointFile(std::string path) : file_("--checkpoint", std::move(path)) {}

  // None: there is no such file. kInvalid: it holds no checkpoint; kPermission: it cannot be read,
  // or not be written.
  Result<std::optional<warming::Checkpoint>> Load();
  void Take(const warming::Checkpoint& checkpoint);
  // Writes what was taken since the last call, if anything was.
  Status Write();
  // The run came to its end.
  Status Remove();
  void Abandon() const { file_.Abandon(); }
  [[nodiscard]] const std::string& path() const { return file_.path(); }

 private:
  AsideFile file_;
  std::mutex mutex_;
  std::optional<warming::Checkpoint> newest_;  // protected by mutex_
};

}  // namespace stoker::cli
