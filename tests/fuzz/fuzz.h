#pragma once

// What the programs of this folder have in common: a property that does not hold ends the process,
// and libFuzzer keeps the input that showed it.
//
// Thread safety: plain functions.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace stoker::fuzz {

inline void Hold(bool property, const char* what) {
  if (property) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

inline std::string_view Text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace stoker::fuzz
