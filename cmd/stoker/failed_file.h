#pragma once

// The entries that failed for good, one JSON line each, for replay: --failed-to writes the list,
// --only reads it.
//
// Thread safety: FailedFile: Add() from one thread at a time. ReadKeyList: pure.

#include <istream>
#include <memory>
#include <string>
#include <string_view>

#include "cmd/stoker/aside_file.h"
#include "controller/base/result.h"
#include "controller/warming/plan/key_set.h"

namespace stoker::cli {

class FailedFile {
 public:
  explicit FailedFile(std::string path) : file_("--failed-to", std::move(path)) {}

  Status Open() { return file_.Open(); }
  // A key that is not UTF-8, which JSON cannot say, has a "keyBase64" beside it.
  void Add(std::string_view key, std::string_view reason, std::string_view message);
  Status Keep() { return file_.Keep(); }  // also when nothing failed: an empty list is an answer
  void Discard() { file_.Discard(); }
  void Abandon() const { file_.Abandon(); }

 private:
  AsideFile file_;
};

// A list of keys: lines as FailedFile writes them, or plain keys, one a line; empty lines do not
// count. kInvalid names the line; `sha256` gets what names the list's content.
struct KeyList {
  std::shared_ptr<const warming::KeySet> keys;
  std::string sha256;
};
Result<KeyList> ReadKeyList(std::istream& in);
// Of a file, or with "-" of `in`. Errors begin with "--only FILE: ".
Result<KeyList> ReadOnly(const std::string& path, std::istream& in);

}  // namespace stoker::cli
