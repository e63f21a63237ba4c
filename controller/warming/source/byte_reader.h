#pragma once

// Text in pieces: from memory, from a spooled download, and through gunzip when it starts with
// gzip's magic.
//
// What is compressed stays compressed in memory and is inflated piece by piece; the sum is capped,
// so a small file that inflates to terabytes ends in an error.
//
// Thread safety: one thread.

#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "controller/base/result.h"

namespace stoker::warming {

class ByteReader {
 public:
  virtual ~ByteReader() = default;
  // The next piece, good until the next call; empty at the end.
  virtual Result<std::string_view> Read() = 0;
};

std::unique_ptr<ByteReader> ReadString(std::string text);
// Looks at the first bytes of `inner`: gzip is inflated (all members), anything else passes as it
// is.
std::unique_ptr<ByteReader> ReadMaybeGzip(std::unique_ptr<ByteReader> inner,
                                          std::uint64_t max_bytes);

// A download kept until it is read: deflated on the way in unless it is gzip already, at most
// `max_bytes` of memory.
class Spool {
 public:
  explicit Spool(std::size_t max_bytes);
  ~Spool();
  void Restart();
  bool Append(std::string_view piece);  // false: full
  void Finish();
  // Reads what was appended and frees it on the way; once, after Finish().
  std::unique_ptr<ByteReader> TakeReader(std::uint64_t max_inflated);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stoker::warming
