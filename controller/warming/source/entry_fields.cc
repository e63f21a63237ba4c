#include "controller/warming/source/entry_fields.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace stoker::warming {
namespace {

constexpr double kMaxTtlSeconds = 10.0 * 365 * 86400;

}  // namespace

Entry& AppendKey(const Template& key, std::span<const std::string_view> values, double score,
                 EntryChunk& chunk) {
  const std::size_t offset = chunk.text.size();
  const bool whole = key.RenderKey(values, kMaxKeyBytes, chunk.text);
  Entry& entry = chunk.Close(offset, score);
  if (!whole) entry.defect = EntryDefect::kKeyTooLong;
  return entry;
}

std::optional<double> ParseNumber(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool good =
      error == std::errc() && end == text.data() + text.size() && std::isfinite(number);
  return good ? std::optional(number) : std::nullopt;
}

void EntryFields::SetTtl(std::optional<double> seconds) {
  if (!seconds) {
    defect = EntryDefect::kBadTtl;
    return;
  }
  expired = *seconds <= 0;
  const auto ms = static_cast<std::int64_t>(std::clamp(*seconds, 0.0, kMaxTtlSeconds) * 1000);
  ttl_ms = std::max<std::int64_t>(1, ms);
}

void EntryFields::SetScore(std::optional<double> number) {
  if (!number) defect = EntryDefect::kBadScore;
  score = number.value_or(0);
}

void EntryFields::CloseEntry(EntryChunk& chunk) const {
  Entry& entry = chunk.entries.back();
  entry.ttl_ms = ttl_ms;
  if (entry.defect == EntryDefect::kNone) entry.defect = defect;
}

}  // namespace stoker::warming
