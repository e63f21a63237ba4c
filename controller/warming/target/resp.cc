#include "controller/warming/target/resp.h"

#include <charconv>
#include <cstring>

namespace stoker::warming {
namespace {

constexpr std::size_t kHeader = 24;  // "$" or "*", a number, "\r\n"

char* PutHeader(char* at, char mark, std::uint64_t number) {
  *at++ = mark;
  return PutText(PutNumber(at, number), "\r\n");
}

char* PutBulk(char* at, std::string_view text) {
  at = PutHeader(at, '$', text.size());
  at = PutText(at, text);
  return PutText(at, "\r\n");
}

bool ParseInteger(std::string_view text, std::int64_t& value) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  return ec == std::errc() && end == text.data() + text.size();
}

ParseStatus ParseBulk(std::string_view data, std::size_t line_end, std::int64_t length,
                      const RespLimits& limits, RespReply& reply, std::size_t& used) {
  if (length == -1) {
    reply = {};
    used = line_end;
    return ParseStatus::kOk;
  }
  if (length < 0 || length > limits.max_bulk) return ParseStatus::kBad;
  const std::size_t whole = line_end + static_cast<std::size_t>(length) + 2;
  used = whole;
  if (data.size() < whole) return ParseStatus::kMore;
  if (data[whole - 2] != '\r' || data[whole - 1] != '\n') return ParseStatus::kBad;
  reply.type = RespReply::Type::kBulk;
  reply.text = data.substr(line_end, static_cast<std::size_t>(length));
  return ParseStatus::kOk;
}

}  // namespace

void RespWriter::Command(std::span<const std::string_view> parts) {
  std::size_t most = kHeader;
  for (const std::string_view part : parts) most += kHeader + part.size() + 2;
  char* const begin = out_.Reserve(most);
  char* at = PutHeader(begin, '*', parts.size());
  for (const std::string_view part : parts) at = PutBulk(at, part);
  out_.Commit(static_cast<std::size_t>(at - begin));
}

void RespWriter::Set(std::string_view key, std::string_view value, std::int64_t ttl_ms,
                     bool if_absent) {
  char* const begin = out_.Reserve(8 * kHeader + key.size() + value.size() + 48);
  const bool expires = ttl_ms > 0;
  char* at = PutHeader(begin, '*', 3U + (expires ? 2U : 0U) + (if_absent ? 1U : 0U));
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
  out_.Commit(static_cast<std::size_t>(at - begin));
}

ParseStatus ParseReply(std::string_view data, const RespLimits& limits, RespReply& reply,
                       std::size_t& used) {
  if (data.size() >= 5 && std::memcmp(data.data(), "+OK\r\n", 5) == 0) {  // nearly every reply
    reply.type = RespReply::Type::kSimple;
    reply.text = data.substr(1, 2);
    used = 5;
    return ParseStatus::kOk;
  }
  used = data.size() + 1;
  if (data.empty()) return ParseStatus::kMore;
  if (std::memchr("+-:$*", data.front(), 5) == nullptr) return ParseStatus::kBad;
  const auto newline = data.substr(0, limits.max_line).find('\n');
  if (newline == std::string_view::npos) {
    return data.size() < limits.max_line ? ParseStatus::kMore : ParseStatus::kBad;
  }
  if (newline < 2 || data[newline - 1] != '\r') return ParseStatus::kBad;
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
      if (!ParseInteger(line, number)) return ParseStatus::kBad;
      reply.type = RespReply::Type::kInteger;
      reply.integer = number;
      break;
    case '$':
      if (!ParseInteger(line, number)) return ParseStatus::kBad;
      return ParseBulk(data, line_end, number, limits, reply, used);
    default:
      if (!ParseInteger(line, number) || number < -1 || number > limits.max_array) {
        return ParseStatus::kBad;
      }
      reply.type = number < 0 ? RespReply::Type::kNil : RespReply::Type::kArray;
      reply.integer = number;
  }
  used = line_end;
  return ParseStatus::kOk;
}

ParseStatus NextReply(ReceiveBuffer& from, RespReply& reply, const RespLimits& limits) {
  std::size_t used = 0;
  const ParseStatus status = ParseReply(from.text(), limits, reply, used);
  if (status == ParseStatus::kOk) from.Take(used);
  from.Need(status == ParseStatus::kMore ? used : 0);
  return status;
}

}  // namespace stoker::warming
