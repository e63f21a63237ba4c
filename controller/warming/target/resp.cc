#include "controller/warming/target/resp.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace stoker::warming {
namespace {

constexpr std::size_t kSmallest = 64 << 10;
constexpr std::size_t kMostKept = 16 << 20;
constexpr std::size_t kHeader = 24;  // "$" or "*", a number, "\r\n"

char* PutText(char* at, std::string_view text) {
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

char* PutNumber(char* at, char mark, std::uint64_t number) {
  *at++ = mark;
  at = std::to_chars(at, at + 20, number).ptr;
  return PutText(at, "\r\n");
}

char* PutBulk(char* at, std::string_view text) {
  at = PutNumber(at, '$', text.size());
  at = PutText(at, text);
  return PutText(at, "\r\n");
}

bool ParseInteger(std::string_view text, std::int64_t& value) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  return ec == std::errc() && end == text.data() + text.size();
}

RespStatus ParseBulk(std::string_view data, std::size_t line_end, std::int64_t length,
                     const RespLimits& limits, RespReply& reply, std::size_t& used) {
  if (length == -1) {
    reply = {};
    used = line_end;
    return RespStatus::kOk;
  }
  if (length < 0 || length > limits.max_bulk) return RespStatus::kBad;
  const std::size_t whole = line_end + static_cast<std::size_t>(length) + 2;
  used = whole;
  if (data.size() < whole) return RespStatus::kMore;
  if (data[whole - 2] != '\r' || data[whole - 1] != '\n') return RespStatus::kBad;
  reply.type = RespReply::Type::kBulk;
  reply.text = data.substr(line_end, static_cast<std::size_t>(length));
  return RespStatus::kOk;
}

}  // namespace

char* RespWriter::Reserve(std::size_t more) {
  if (size_ + more > capacity_) {
    const std::size_t bigger = std::max({kSmallest, capacity_ * 2, size_ + more});
    std::unique_ptr<char[]> grown(new char[bigger]);
    if (size_ > 0) std::memcpy(grown.get(), data_.get(), size_);
    data_ = std::move(grown);
    capacity_ = bigger;
  }
  return data_.get() + size_;
}

void RespWriter::Clear() {
  size_ = 0;
  if (capacity_ <= kMostKept) return;
  data_.reset();
  capacity_ = 0;
}

void RespWriter::Swap(RespWriter& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(capacity_, other.capacity_);
}

void RespWriter::Command(std::initializer_list<std::string_view> parts) {
  std::size_t most = kHeader;
  for (const std::string_view part : parts) most += kHeader + part.size() + 2;
  char* const begin = Reserve(most);
  char* at = PutNumber(begin, '*', parts.size());
  for (const std::string_view part : parts) at = PutBulk(at, part);
  size_ += static_cast<std::size_t>(at - begin);
}

void RespWriter::Set(std::string_view key, std::string_view value, std::int64_t ttl_ms,
                     bool if_absent) {
  char* const begin = Reserve(8 * kHeader + key.size() + value.size() + 48);
  const bool expires = ttl_ms > 0;
  char* at = PutNumber(begin, '*', 3U + (expires ? 2U : 0U) + (if_absent ? 1U : 0U));
  at = PutText(at, "$3\r\nSET\r\n");
  at = PutBulk(at, key);
  at = PutBulk(at, value);
  if (expires) {
    char digits[20];
    const char* end = std::to_chars(digits, digits + sizeof(digits), ttl_ms).ptr;
    at = PutText(at, "$2\r\nPX\r\n");
    at = PutBulk(at, {digits, static_cast<std::size_t>(end - digits)});
  }
  if (if_absent) at = PutText(at, "$2\r\nNX\r\n");
  size_ += static_cast<std::size_t>(at - begin);
}

RespStatus ParseReply(std::string_view data, const RespLimits& limits, RespReply& reply,
                      std::size_t& used) {
  if (data.size() >= 5 && std::memcmp(data.data(), "+OK\r\n", 5) == 0) {  // nearly every reply
    reply.type = RespReply::Type::kSimple;
    reply.text = data.substr(1, 2);
    used = 5;
    return RespStatus::kOk;
  }
  used = data.size() + 1;
  if (data.empty()) return RespStatus::kMore;
  if (std::memchr("+-:$*", data.front(), 5) == nullptr) return RespStatus::kBad;
  const auto newline = data.substr(0, limits.max_line).find('\n');
  if (newline == std::string_view::npos) {
    return data.size() < limits.max_line ? RespStatus::kMore : RespStatus::kBad;
  }
  if (newline < 2 || data[newline - 1] != '\r') return RespStatus::kBad;
  const std::string_view line = data.substr(1, newline - 2);
  const std::size_t line_end = newline + 1;
  std::int64_t number = 0;
  switch (data.front()) {
    case '+':
    case '-':
      reply.type = data.front() == '+' ? RespReply::Type::kSimple : RespReply::Type::kError;
      reply.text = line;
      break;
    case ':':
      if (!ParseInteger(line, number)) return RespStatus::kBad;
      reply.type = RespReply::Type::kInteger;
      reply.integer = number;
      break;
    case '$':
      if (!ParseInteger(line, number)) return RespStatus::kBad;
      return ParseBulk(data, line_end, number, limits, reply, used);
    default:
      if (!ParseInteger(line, number) || number < -1 || number > limits.max_array) {
        return RespStatus::kBad;
      }
      reply.type = number < 0 ? RespReply::Type::kNil : RespReply::Type::kArray;
      reply.integer = number;
  }
  used = line_end;
  return RespStatus::kOk;
}

}  // namespace stoker::warming
