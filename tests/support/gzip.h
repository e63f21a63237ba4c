#pragma once

// Makes gzip data for tests of those who read it.
//
// Thread safety: pure.

#include <zlib.h>

#include <string>

namespace stoker::testing {

inline std::string Gzip(const std::string& text) {
  std::string out(text.size() + 128, '\0');
  z_stream zlib{};
  deflateInit2(&zlib, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
  zlib.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  zlib.avail_in = static_cast<uInt>(text.size());
  zlib.next_out = reinterpret_cast<Bytef*>(out.data());
  zlib.avail_out = static_cast<uInt>(out.size());
  deflate(&zlib, Z_FINISH);
  out.resize(zlib.total_out);
  deflateEnd(&zlib);
  return out;
}

}  // namespace stoker::testing
