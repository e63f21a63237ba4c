#pragma once

// The corpus of manifests, good and bad, in tests/corpus.
//
// A bad manifest says in its first two lines what must be in the words of everybody who judges it:
//   # expect: <part of the message>
//   # field: <path of the field>
//
// Thread safety: pure functions. Errors: a file without those lines yields empty expectations.

#include <string>
#include <vector>

namespace stoker::testing {

struct CorpusFile {
  std::string path;
  std::string message;  // what is expected; empty for a good one
  std::string field;
  std::string manifest;  // what follows the two lines, or everything
};

// All files of STOKER_SOURCE_DIR + "/tests/corpus/good", or bad, by name.
std::vector<CorpusFile> ReadCorpus(const std::string& folder);

}  // namespace stoker::testing
