#pragma once

// "Did you mean --output?": the nearest of the words that would have been right.
//
// Thread safety: pure function.

#include <string>
#include <string_view>
#include <vector>

namespace stoker {

// Empty when nothing is near enough to be what was meant.
std::string Nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace stoker
