#include "controller/warming/run/failure_table.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace stoker::warming {
namespace {

constexpr char kOther[] = "Other";

// Keys are bytes as their source has them, but a status holds text: what is no UTF-8 is shown as
// U+FFFD, which never makes it shorter.
std::string Readable(std::string_view bytes) {
  const std::string quoted =
      nlohmann::json(bytes).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return nlohmann::json::parse(quoted).get<std::string>();
}

// Cuts at a character's border: half a UTF-8 sequence would make the whole status unreadable.
std::string Shorten(std::string_view bytes, std::size_t max) {
  constexpr std::size_t kLongestCharacter = 4;
  std::string text = Readable(bytes.substr(0, max + kLongestCharacter));
  if (text.size() <= max) return text;
  std::size_t end = max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

}  // namespace

void FailureTable::Add(std::string_view reason, std::string_view key, std::string_view message,
                       std::int64_t count) {
  auto kind = kinds_.find(reason);
  if (kind == kinds_.end()) {
    if (kinds_.size() >= kKinds && reason != kOther) return Add(kOther, key, message, count);
    FailureCount fresh{std::string(reason), 0, Shorten(key, kSampleBytes),
                       Shorten(message, kSampleBytes)};
    kind = kinds_.emplace(reason, std::move(fresh)).first;
  }
  kind->second.count += count;
}

void FailureTable::Merge(const FailureTable& other) {
  for (const auto& [reason, row] : other.kinds_)
    Add(reason, row.sample_key, row.sample_message, row.count);
}

void FailureTable::Merge(const std::vector<FailureCount>& rows) {
  for (const auto& row : rows) Add(row.reason, row.sample_key, row.sample_message, row.count);
}

std::vector<FailureCount> FailureTable::Rows() const {
  std::vector<FailureCount> rows;
  rows.reserve(kinds_.size());
  for (const auto& [reason, row] : kinds_) rows.push_back(row);
  std::sort(rows.begin(), rows.end(), [](const FailureCount& a, const FailureCount& b) {
    return a.count != b.count ? a.count > b.count : a.reason < b.reason;
  });
  if (rows.size() <= kRows) return rows;
  FailureCount other{kOther, 0, rows[kRows - 1].sample_key, rows[kRows - 1].sample_message};
  for (std::size_t i = kRows - 1; i < rows.size(); ++i) other.count += rows[i].count;
  rows.resize(kRows - 1);
  for (FailureCount& row : rows) {
    if (row.reason != kOther) continue;
    row.count += other.count;
    return rows;
  }
  rows.push_back(std::move(other));
  return rows;
}

}  // namespace stoker::warming
