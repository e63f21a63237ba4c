#include "tests/integration/cmd/program.h"

#include <cstdint>
#include <sstream>

#include "tests/support/paths.h"

namespace stoker::testing {

std::vector<std::string> Stoker(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), STOKER_BIN_DIR + "/stoker");
  return arguments;
}

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

nlohmann::json LastLine(const std::string& text) {
  const std::vector<std::string> lines = LinesOf(text);
  return lines.empty() ? nlohmann::json() : nlohmann::json::parse(lines.back(), nullptr, false);
}

bool AddsUp(const nlohmann::json& tally) {
  const auto count = [&](const char* name) { return tally.at(name).get<std::int64_t>(); };
  return count("discovered") ==
         count("warmed") + count("skipped") + count("failed") + count("left");
}

}  // namespace stoker::testing
