#include "cmd/stoker/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/Validators.hpp>
#include <algorithm>
#include <charconv>
#include <sstream>
#include <string_view>

namespace stoker::cli {
namespace {

constexpr char kBetween = '|';

bool IsWithin(std::string_view text, std::int64_t lowest, std::int64_t highest) {
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc() && end == text.data() + text.size() && number >= lowest &&
         number <= highest;
}

}  // namespace

std::string Enumerated(const std::vector<std::string>& words) {
  if (words.size() < 2) return fmt::format("{}", fmt::join(words, ""));
  return fmt::format("{} or {}", fmt::join(words.begin(), words.end() - 1, ", "), words.back());
}

CLI::Option* OneOf(CLI::Option* option, const std::vector<std::string>& words) {
  const auto check = [words](const std::string& value) {
    if (std::ranges::find(words, value) != words.end()) return std::string();
    return fmt::format("must be {}, not \"{}\"", Enumerated(words), value);
  };
  return option->check(check)->type_name(
      fmt::format("{}", fmt::join(words, std::string(1, kBetween))));
}

CLI::Option* Within(CLI::Option* option, std::int64_t lowest, std::int64_t highest) {
  const auto check = [lowest, highest](const std::string& value) {
    if (IsWithin(value, lowest, highest)) return std::string();
    return fmt::format("must be a whole number from {} to {}, not \"{}\"", lowest, highest, value);
  };
  return option->check(check)->type_name("N");
}

std::vector<std::string> WordsOf(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  std::vector<std::string> words;
  if (type.find(kBetween) == std::string::npos) return words;
  std::istringstream stream(type);
  for (std::string word; std::getline(stream, word, kBetween);) words.push_back(word);
  return words;
}

}  // namespace stoker::cli
