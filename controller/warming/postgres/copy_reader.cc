#include "controller/warming/postgres/copy_reader.h"

#include <fmt/format.h>

namespace stoker::warming {
namespace {

constexpr std::string_view kCopySignature("PGCOPY\n\377\r\n\0", 11);
constexpr std::size_t kCopyHeader = kCopySignature.size() + 4 + 4;  // flags, size of the extension
constexpr std::uint32_t kMaxCopyExtension = 1 << 16;

std::uint32_t BigEndian(std::string_view bytes) {
  std::uint32_t number = 0;
  for (const char c : bytes) number = number << 8 | static_cast<unsigned char>(c);
  return number;
}

Error NotCopy() { return Invalid("the server's COPY data is damaged"); }

}  // namespace

void CopyReader::Append(std::string_view bytes) {
  if (at_ > 0 && (at_ == buffer_.size() || at_ > buffer_.size() / 2)) {
    buffer_.erase(0, at_);
    at_ = 0;
  }
  buffer_.append(bytes);
}

Result<bool> CopyReader::ReadHeader(std::string_view& left) {
  if (left.substr(0, kCopySignature.size()) != kCopySignature.substr(0, left.size()))
    return NotCopy();
  if (left.size() < kCopyHeader) return false;
  const std::uint32_t extension = BigEndian(left.substr(kCopyHeader - 4, 4));
  if (extension > kMaxCopyExtension) return NotCopy();
  if (left.size() < kCopyHeader + extension) return false;
  left.remove_prefix(kCopyHeader + extension);
  header_read_ = true;
  return true;
}

Result<bool> CopyReader::Next(Row& row) {
  std::string_view left = std::string_view(buffer_).substr(at_);
  auto read = ReadRow(left, row);
  at_ = buffer_.size() - left.size();
  return read;
}

Result<bool> CopyReader::NextOf(std::string_view& piece, Row& row) {
  if (Buffered() > 0) return false;
  return ReadRow(piece, row);
}

Result<bool> CopyReader::ReadRow(std::string_view& left, Row& row) {
  if (ended_) return false;
  if (!header_read_) {
    STOKER_TRY(const bool whole, ReadHeader(left));
    if (!whole) return false;
  }
  if (left.size() < 2) return false;
  const std::uint32_t count = BigEndian(left.substr(0, 2));
  if (count == 0xFFFF) {
    ended_ = true;
    return false;
  }
  if (count != fields_) return NotCopy();
  row.clear();
  std::size_t place = 2;
  for (std::size_t i = 0; i < fields_; ++i) {
    if (left.size() < place + 4) return false;
    const std::uint32_t size = BigEndian(left.substr(place, 4));
    place += 4;
    if (size == 0xFFFFFFFF) {
      row.emplace_back(std::nullopt);
      continue;
    }
    if (size > 0x7FFFFFFF) return NotCopy();
    if (place + size > max_row_) {
      return Error{Code::kExhausted, fmt::format("a row is larger than {} MiB", max_row_ >> 20)};
    }
    if (left.size() < place + size) return false;
    row.emplace_back(left.substr(place, size));
    place += size;
  }
  left.remove_prefix(place);
  return true;
}

}  // namespace stoker::warming
