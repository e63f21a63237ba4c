#pragma once

// A file that is there whole or not at all.
//
// What is written goes to a file beside it, is synced, and takes the name when it is complete: a
// reader never sees half of it, and a process that is killed leaves the file as it was before.
//
// Thread safety: one thread at a time, but Abandon(). Lifetime: what was not kept is removed by the
// destructor.

#include <fstream>
#include <string>

#include "controller/base/result.h"

namespace stoker::cli {

class AsideFile {
 public:
  // `flag` is how the user named it, for errors: "--failed-to".
  AsideFile(std::string flag, std::string path);
  ~AsideFile();
  AsideFile(const AsideFile&) = delete;
  AsideFile& operator=(const AsideFile&) = delete;

  // Begins anew, empty. kPermission: "--failed-to out/failed.jsonl: cannot be written: No such
  // file or directory"
  Status Open();
  std::ofstream& stream() { return stream_; }
  Status Keep();   // takes the file's name
  void Discard();  // removes what was written aside
  // The same for a process that ends at once: safe while another thread writes to the stream.
  void Abandon() const;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  [[nodiscard]] Error CannotWrite(const std::string& why) const;

  const std::string flag_;
  const std::string path_;
  const std::string aside_;
  std::ofstream stream_;
};

}  // namespace stoker::cli
