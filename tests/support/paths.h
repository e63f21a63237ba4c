#pragma once

// Where a test finds the source tree (tables, manifests) and the programs built beside it.
//
// A path compiled in would differ in every clone, so no object could come from the compiler cache.
// These are found from the running test's own place instead: it lies in the build's bin/, and
// STOKER_SOURCE_FROM_BIN says how to go from there to the sources.
//
// stoker_test() includes this header in every test; STOKER_SOURCE_DIR and STOKER_BIN_DIR are
// std::strings, not literals. Thread safety: any thread.

#include <filesystem>
#include <string>

namespace stoker::testing {

inline const std::string& BinDir() {
  static const std::string dir =
      std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
  return dir;
}

inline const std::string& SourceDir() {
  static const std::string dir =
      std::filesystem::weakly_canonical(BinDir() + "/" STOKER_SOURCE_FROM_BIN).string();
  return dir;
}

}  // namespace stoker::testing

#define STOKER_SOURCE_DIR (::stoker::testing::SourceDir())
#define STOKER_BIN_DIR (::stoker::testing::BinDir())
