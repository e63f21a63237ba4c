#pragma once

// The entries that failed for good, one JSON line each, for replay: --failed-to.
//
// The lines are written aside and take the file's name only when they are complete, so that a
// reader never sees half a list and an interrupted run leaves nothing behind.
//
// Thread safety: Add() from one thread at a time. Lifetime: what was not kept is removed by the
// destructor.

#include <fstream>
#include <string>
#include <string_view>

#include "controller/base/result.h"

namespace stoker::cli {

class FailedFile {
 public:
  explicit FailedFile(std::string path);
  ~FailedFile();
  FailedFile(const FailedFile&) = delete;
  FailedFile& operator=(const FailedFile&) = delete;

  // kPermission: "--failed-to out/failed.jsonl: cannot be written: No such file or directory"
  Status Open();
  void Add(std::string_view key, std::string_view reason, std::string_view message);
  Status Keep();   // takes the file's name; also when nothing failed: an empty list is an answer
  void Discard();  // removes what was written aside
  // The same for a process that ends at once: safe while another thread is in Add().
  void Abandon() const;

 private:
  [[nodiscard]] Error CannotWrite(const std::string& why) const;

  const std::string path_;
  const std::string aside_;
  std::ofstream stream_;
};

}  // namespace stoker::cli
