#include "controller/warming/target/meta.h"

#include <algorithm>
#include <charconv>

namespace stoker::warming {
namespace {

constexpr std::size_t kMostLine = 2048;
constexpr std::int64_t kMostValue = std::int64_t{1} << 30;  // the largest that -I allows
constexpr std::int64_t kMostRelative = std::int64_t{60} * 60 * 24 * 30;
constexpr std::size_t kMostMetaWords = 64;  // of a command, beside key, value and numbers

char* EncodeBase64(std::string_view data, char* at) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < data.size(); i += 3) {
    std::uint32_t group = 0;
    const std::size_t held = std::min<std::size_t>(3, data.size() - i);
    for (std::size_t j = 0; j < 3; ++j) {
      group = (group << 8) | (j < held ? static_cast<unsigned char>(data[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      *at++ = j <= held ? kDigits[(group >> (18 - 6 * j)) & 63U] : '=';
    }
  }
  return at;
}

bool IsPlain(std::string_view key) {
  return std::all_of(key.begin(), key.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7f;
  });
}

bool ParseWhole(std::string_view text, std::int64_t& value) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  return ec == std::errc() && end == text.data() + text.size();
}

std::string_view NextWord(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(word.size());
  return word;
}

// "t300 kfoo": of the flags, the TTL alone matters.
bool ReadFlags(std::string_view line, MetaReply& reply) {
  for (std::string_view word = NextWord(line); !word.empty(); word = NextWord(line)) {
    if (word.front() == 't' && !ParseWhole(word.substr(1), reply.ttl)) return false;
  }
  return true;
}

bool IsError(std::string_view line) {
  return line == "ERROR" || line.starts_with("CLIENT_ERROR ") || line.starts_with("SERVER_ERROR ");
}

// `line` is one of those with a fixed beginning and perhaps flags.
bool ReadLine(std::string_view line, MetaReply& reply) {
  using Type = MetaReply::Type;
  reply = {};
  if (IsError(line)) {
    reply.text = line;
    return true;
  }
  const std::string_view code = NextWord(line);
  if (code == "STAT") {
    reply.type = Type::kStat;
    reply.text = line.substr(std::min<std::size_t>(1, line.size()));
    return true;
  }
  if (code == "HD") {
    reply.type = Type::kDone;
  } else if (code == "EN") {
    reply.type = Type::kMiss;
  } else if (code == "NS") {
    reply.type = Type::kNotStored;
  } else if (code == "MN") {
    reply.type = Type::kNoop;
  } else if (code == "END") {
    reply.type = Type::kEnd;
  } else {
    return false;
  }
  return ReadFlags(line, reply);
}

ParseStatus ReadValue(ReceiveBuffer& from, std::string_view line, std::size_t line_end,
                      MetaReply& reply) {
  std::int64_t size = 0;
  if (!ParseWhole(NextWord(line), size) || size < 0 || size > kMostValue) return ParseStatus::kBad;
  reply = {};
  if (!ReadFlags(line, reply)) return ParseStatus::kBad;
  const std::size_t whole = line_end + static_cast<std::size_t>(size) + 2;
  if (from.text().size() < whole) {
    from.Need(whole);
    return ParseStatus::kMore;
  }
  if (from.text().substr(whole - 2, 2) != "\r\n") return ParseStatus::kBad;
  reply.type = MetaReply::Type::kValue;
  reply.text = from.text().substr(line_end, static_cast<std::size_t>(size));
  from.Take(whole);
  return ParseStatus::kOk;
}

}  // namespace

MetaKey::MetaKey(std::string_view key) {
  if (IsPlain(key)) {
    if (key.size() <= kMost) token_ = key;
    return;
  }
  if (key.size() > kMostBinary) return;
  token_ = key;
  size_ = static_cast<std::size_t>(EncodeBase64(key, encoded_) - encoded_);
}

std::int64_t ExpiryOf(Millis ttl, WallTime now) {
  if (ttl.count() <= 0) return 0;
  const std::int64_t seconds = (ttl.count() + 999) / 1000;
  if (seconds <= kMostRelative) return seconds;
  return std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count() + seconds;
}

void MetaWriter::Set(const MetaKey& key, std::string_view value, std::int64_t expiry,
                     bool if_absent) {
  char* const begin = out_.Reserve(kMostMetaWords + key.token().size() + value.size());
  char* at = PutText(PutText(begin, "ms "), key.token());
  *at++ = ' ';
  at = PutNumber(at, value.size());
  if (expiry > 0) at = PutNumber(PutText(at, " T"), static_cast<std::uint64_t>(expiry));
  if (key.binary()) at = PutText(at, " b");
  if (if_absent) at = PutText(at, " ME");
  at = PutText(PutText(PutText(at, "\r\n"), value), "\r\n");
  out_.Commit(static_cast<std::size_t>(at - begin));
}

void MetaWriter::Get(const MetaKey& key, bool with_ttl, bool with_value) {
  char* const begin = out_.Reserve(kMostMetaWords + key.token().size());
  char* at = PutText(PutText(begin, "mg "), key.token());
  if (key.binary()) at = PutText(at, " b");
  if (with_ttl) at = PutText(at, " t");
  if (with_value) at = PutText(at, " v");
  at = PutText(at, "\r\n");
  out_.Commit(static_cast<std::size_t>(at - begin));
}

void MetaWriter::Noop() {
  char* const begin = out_.Reserve(4);
  PutText(begin, "mn\r\n");
  out_.Commit(4);
}

void MetaWriter::Stats() {
  char* const begin = out_.Reserve(7);
  PutText(begin, "stats\r\n");
  out_.Commit(7);
}

ParseStatus NextMetaReply(ReceiveBuffer& from, MetaReply& reply) {
  const std::string_view text = from.text();
  if (text.starts_with("HD\r\n")) {  // nearly every reply
    reply = {MetaReply::Type::kDone, {}, -1};
    from.Take(4);
    return ParseStatus::kOk;
  }
  const auto newline = text.substr(0, kMostLine).find('\n');
  if (newline == std::string_view::npos) {
    if (text.size() >= kMostLine) return ParseStatus::kBad;
    from.Need(text.size() + 1);
    return ParseStatus::kMore;
  }
  if (newline < 1 || text[newline - 1] != '\r') return ParseStatus::kBad;
  const std::string_view line = text.substr(0, newline - 1);
  if (line.starts_with("VA ")) return ReadValue(from, line.substr(3), newline + 1, reply);
  if (!ReadLine(line, reply)) return ParseStatus::kBad;
  from.Take(newline + 1);
  return ParseStatus::kOk;
}

}  // namespace stoker::warming
