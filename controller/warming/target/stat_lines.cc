#include "controller/warming/target/stat_lines.h"

#include <charconv>

namespace stoker::warming {

std::optional<std::int64_t> NumberBehind(std::string_view lines, std::string_view mark) {
  for (std::size_t at = lines.find(mark); at != std::string_view::npos;
       at = lines.find(mark, at + 1)) {
    if (at > 0 && lines[at - 1] != '\n') continue;  // the end of a longer name
    const std::string_view rest = lines.substr(at + mark.size());
    std::int64_t number = 0;
    const auto [end, ec] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (ec == std::errc()) return number;
    return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace stoker::warming
