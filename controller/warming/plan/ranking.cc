#include "controller/warming/plan/ranking.h"

#include <algorithm>

#include "controller/warming/source/glob.h"

namespace stoker::warming {
namespace {

constexpr double kBytesOfOneCost = 1024;  // what a value is taken for that nobody has seen

double CostOf(const EntryChunk& chunk, const Entry& entry, std::size_t columns) {
  if (!entry.carries_value) return 1;
  const std::size_t bytes = entry.key_size + chunk.Value(entry, columns).size();
  return static_cast<double>(std::max<std::size_t>(bytes, 1)) / kBytesOfOneCost;
}

}  // namespace

std::size_t KeyDepth(std::string_view key, std::string_view separator) {
  std::size_t depth = 0;
  while (true) {
    const std::size_t end = key.find(separator);
    const std::string_view segment = key.substr(0, end);
    if (!segment.empty()) ++depth;
    if (end == std::string_view::npos) return depth;
    key.remove_prefix(end + separator.size());
  }
}

double Ranking::ImportanceOf(std::string_view key) const {
  const auto rule = std::ranges::find_if(strategy_.importance, [&](const api::Importance& each) {
    return GlobMatches(each.match, key);
  });
  return rule == strategy_.importance.end() ? 1 : rule->value;
}

double Ranking::Of(const EntryChunk& chunk, const Entry& entry, std::size_t columns) const {
  switch (strategy_.type) {
    case api::Strategy::Type::kBreadthFirst:
      return -static_cast<double>(KeyDepth(chunk.Key(entry), strategy_.separator));
    case api::Strategy::Type::kPriority:
      return ImportanceOf(chunk.Key(entry)) * entry.score / CostOf(chunk, entry, columns);
    case api::Strategy::Type::kSelective:
    case api::Strategy::Type::kBulk:
      break;
  }
  return entry.score;
}

}  // namespace stoker::warming
