#pragma once

// The stoker program as its users start it, and what it says.
//
// Thread safety: pure functions.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace stoker::testing {

// The program's path followed by `arguments`.
std::vector<std::string> Stoker(std::vector<std::string> arguments);

std::vector<std::string> LinesOf(const std::string& text);

// The last line of --output json: the tally.
nlohmann::json LastLine(const std::string& text);

// Whether discovered = warmed + skipped + failed + left.
bool AddsUp(const nlohmann::json& tally);

}  // namespace stoker::testing
