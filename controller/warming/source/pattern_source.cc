#include "controller/warming/source/pattern_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "controller/warming/source/entry_fields.h"

namespace stoker::warming {
namespace {

std::uint64_t VariableSize(const api::PatternVariable& variable) {
  if (!variable.from || !variable.to) return variable.values.size();
  if (*variable.to < *variable.from) return 0;
  const auto span =
      static_cast<std::uint64_t>(*variable.to) - static_cast<std::uint64_t>(*variable.from);
  return span == UINT64_MAX ? span : span + 1;
}

// One wheel of the odometer: where it stands, and the text it shows.
class Wheel {
 public:
  explicit Wheel(const api::PatternVariable& variable)
      : values_(variable.values),
        from_(variable.from.value_or(0)),
        range_(variable.from && variable.to),
        size_(VariableSize(variable)) {
    Show();
  }
  [[nodiscard]] std::string_view text() const { return text_; }
  // Moves on; true when it went round and the wheel before it must move too.
  bool Turn() {
    const bool round = ++at_ == size_;
    if (round) at_ = 0;
    Show();
    return round;
  }

 private:
  void Show() {
    if (size_ == 0) return;
    if (!range_) {
      text_ = values_[at_];
      return;
    }
    const auto number = static_cast<std::int64_t>(static_cast<std::uint64_t>(from_) + at_);
    const auto end = std::to_chars(digits_, digits_ + sizeof(digits_), number).ptr;
    text_.assign(digits_, end);
  }
  std::vector<std::string> values_;
  std::int64_t from_;
  bool range_;
  std::uint64_t size_;
  std::uint64_t at_ = 0;
  char digits_[24] = {};
  std::string text_;
};

// Whether no two stands of the variables make the same key.
bool MakesDistinctKeys(const Template& key, const std::vector<api::PatternVariable>& variables) {
  std::vector<Template::Characters> characters(variables.size());
  for (std::size_t i = 0; i < variables.size(); ++i) {
    const std::vector<std::string>& values = variables[i].values;
    if (std::set<std::string_view>(values.begin(), values.end()).size() != values.size())
      return false;
    const auto add = [&](std::string_view text) {
      for (const char c : text) characters[i].set(static_cast<unsigned char>(c));
    };
    if (variables[i].from) add("-0123456789");
    for (const std::string& value : values) add(value);
  }
  return key.TellsApart(characters);
}

// What is made of every stand of the wheels.
struct PatternTexts {
  Template key;
  std::vector<std::size_t> columns;  // by their wheels
  std::optional<Template> value;     // over the wheels and the key
  std::size_t empty_columns = 0;     // of URLs, where entries carry their value
  bool distinct = false;             // no two stands make the same key
};

class PatternSourceImpl final : public LocalSource {
 public:
  PatternSourceImpl(PatternTexts texts, std::vector<Wheel> wheels, std::int64_t count)
      : texts_(std::move(texts)), wheels_(std::move(wheels)), count_(count), left_(count) {
    values_.resize(wheels_.size() + 1);
  }

  Result<bool> Pull(EntryChunk& chunk) override {
    for (; left_ > 0 && !chunk.Full(); --left_) {
      for (std::size_t i = 0; i < wheels_.size(); ++i) values_[i] = wheels_[i].text();
      const Entry& entry = AppendKey(texts_.key, values_, 1, chunk);
      for (const std::size_t column : texts_.columns) chunk.AppendColumn(values_[column]);
      for (std::size_t i = 0; i < texts_.empty_columns; ++i) chunk.AppendColumn({});
      if (texts_.value && entry.defect == EntryDefect::kNone) AppendValueOf(entry, chunk);
      for (std::size_t i = wheels_.size(); i-- > 0 && wheels_[i].Turn();) {
      }
    }
    return left_ > 0;
  }
  [[nodiscard]] std::optional<std::int64_t> Count() const override { return count_; }
  [[nodiscard]] bool Distinct() const override { return texts_.distinct; }

 private:
  void AppendValueOf(const Entry& entry, EntryChunk& chunk) {
    values_.back() = chunk.Key(entry);
    value_.clear();
    texts_.value->Render(values_, value_);
    chunk.AppendValue(value_);
  }

  PatternTexts texts_;
  std::vector<Wheel> wheels_;
  std::vector<std::string_view> values_;  // of the wheels, and the key
  std::string value_;                     // kept for its memory
  std::int64_t count_;
  std::int64_t left_;
};

}  // namespace

Result<std::int64_t> CountPattern(const api::PatternSource& spec) {
  std::uint64_t count = 1;
  for (const auto& variable : spec.variables) {
    const std::uint64_t size = VariableSize(variable);
    if (size == 0) return 0;
    if (size > static_cast<std::uint64_t>(kMaxPatternEntries) / count) {
      return Invalid(
          fmt::format("the pattern expands to more than {} keys; narrow the variable \"{}\"",
                      kMaxPatternEntries, variable.name));
    }
    count *= size;
  }
  return static_cast<std::int64_t>(count);
}

Result<std::unique_ptr<LocalSource>> MakePatternSource(const api::PatternSource& spec,
                                                       const std::vector<std::string>& columns) {
  STOKER_TRY(const std::int64_t count, CountPattern(spec));
  std::vector<std::string> names;
  std::vector<Wheel> wheels;
  for (const auto& variable : spec.variables) {
    names.push_back(variable.name);
    wheels.emplace_back(variable);
  }
  PatternTexts texts;
  STOKER_TRY(texts.key, Template::Parse(spec.template_, Template::Kind::kKey, names));
  texts.distinct = MakesDistinctKeys(texts.key, spec.variables);
  if (!spec.value.empty()) {
    std::vector<std::string> known = names;
    known.emplace_back("key");
    auto value = Template::Parse(spec.value, Template::Kind::kValue, known);
    if (!value) return Annotate("value", value.error());
    texts.value = std::move(*value);
    texts.empty_columns = columns.size();
  }
  for (const std::string& column : columns) {
    if (texts.value) break;
    const auto place = std::find(names.begin(), names.end(), column);
    if (place == names.end())
      return Invalid(fmt::format("the pattern has no variable \"{}\"", column));
    texts.columns.push_back(static_cast<std::size_t>(place - names.begin()));
  }
  return std::unique_ptr<LocalSource>(
      new PatternSourceImpl(std::move(texts), std::move(wheels), count));
}

}  // namespace stoker::warming
