#include "controller/warming/source/line_source.h"

#include "controller/warming/source/entry_fields.h"

namespace stoker::warming {
namespace {

constexpr std::size_t kMaxLine = kMaxKeyBytes + 64;  // a key, a tab, a score
constexpr std::size_t kSampleOfLongKey = 64;

class KeyListSource final : public LocalSource {
 public:
  explicit KeyListSource(std::vector<std::string> keys) : keys_(std::move(keys)) {}
  Result<bool> Pull(EntryChunk& chunk) override {
    while (at_ < keys_.size() && !chunk.Full()) chunk.Append(keys_[at_++], 1);
    return at_ < keys_.size();
  }
  [[nodiscard]] std::optional<std::int64_t> Count() const override {
    return static_cast<std::int64_t>(keys_.size());
  }

 private:
  std::vector<std::string> keys_;
  std::size_t at_ = 0;
};

}  // namespace

std::unique_ptr<LocalSource> MakeKeyListSource(std::vector<std::string> keys) {
  return std::make_unique<KeyListSource>(std::move(keys));
}

LineSource::LineSource(std::unique_ptr<ByteReader> reader, LineOptions options)
    : reader_(std::move(reader)), options_(std::move(options)) {}

Result<bool> LineSource::Pull(EntryChunk& chunk) {
  while (!chunk.Full()) {
    if (piece_.empty()) {
      STOKER_TRY(piece_, reader_->Read());
      if (piece_.empty()) {
        if (!carry_.empty()) AppendLine(carry_, chunk);
        carry_.clear();
        return false;
      }
    }
    const std::size_t end = piece_.find('\n');
    const std::string_view part = piece_.substr(0, end);
    piece_.remove_prefix(end == std::string_view::npos ? piece_.size() : end + 1);
    if (skipping_) {
      skipping_ = end == std::string_view::npos;
    } else if (carry_.size() + part.size() > kMaxLine) {
      carry_.append(part.substr(0, kSampleOfLongKey));
      AppendTooLong(carry_, chunk);
      carry_.clear();
      skipping_ = end == std::string_view::npos;
    } else if (end == std::string_view::npos) {
      carry_.append(part);
    } else if (carry_.empty()) {
      AppendLine(part, chunk);
    } else {
      carry_.append(part);
      AppendLine(carry_, chunk);
      carry_.clear();
    }
  }
  return true;
}

void LineSource::AppendTooLong(std::string_view start, EntryChunk& chunk) {
  chunk.Append(start.substr(0, kSampleOfLongKey), 1).defect = EntryDefect::kKeyTooLong;
}

void LineSource::AppendLine(std::string_view line, EntryChunk& chunk) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.find_first_not_of(" \t") == std::string_view::npos) return;
  std::optional<double> score;
  bool bad = false;
  if (const std::size_t tab = options_.scores ? line.rfind('\t') : std::string_view::npos;
      tab != std::string_view::npos) {
    score = ParseNumber(line.substr(tab + 1));
    bad = !score;
    if (score) line = line.substr(0, tab);
  }
  const std::string_view values[] = {line};
  Entry& entry = options_.key_template
                     ? AppendKey(*options_.key_template, values, score.value_or(1), chunk)
                     : chunk.Append(line, score.value_or(1));
  if (bad) entry.defect = EntryDefect::kBadLine;
}

}  // namespace stoker::warming
