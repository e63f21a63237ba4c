#pragma once

// The rows of COPY ... TO STDOUT (FORMAT binary), out of bytes that come in any pieces.
//
// Binary, because a field then is its length and its bytes: nothing is escaped, and a value of a
// million bytes is not looked at. Every length is checked before it is believed.
//
// Thread safety: one thread. Lifetime: fields of Next() point into the reader, until the next call.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/result.h"

namespace stoker::warming {

class CopyReader {
 public:
  using Row = std::vector<std::optional<std::string_view>>;  // none: NULL

  // Rows have exactly `fields` fields; a row of more than `max_row` bytes is kExhausted.
  CopyReader(std::size_t fields, std::size_t max_row) : fields_(fields), max_row_(max_row) {}

  void Append(std::string_view bytes);
  // False: more bytes are needed, or Ended().
  Result<bool> Next(Row& row);
  // The same of a piece, which is then in nobody's buffer: servers send a row a piece. What is left
  // of it is to be appended. Its fields point into the piece.
  Result<bool> NextOf(std::string_view& piece, Row& row);
  [[nodiscard]] bool Ended() const { return ended_; }  // the trailer was read
  // Bytes appended and not yet read.
  [[nodiscard]] std::size_t Buffered() const { return buffer_.size() - at_; }

 private:
  // Each takes what it read off `left`; false: more bytes are needed, or the trailer was read.
  Result<bool> ReadHeader(std::string_view& left);
  Result<bool> ReadRow(std::string_view& left, Row& row);

  const std::size_t fields_;
  const std::size_t max_row_;
  std::string buffer_;
  std::size_t at_ = 0;
  bool header_read_ = false;
  bool ended_ = false;
};

}  // namespace stoker::warming
