#pragma once

// Strings as CEL sees them: sequences of code points, held as UTF-8.
//
// Thread safety: pure functions.

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stoker::api::cel {

std::size_t CountCodePoints(std::string_view text);
// The byte at which the code point `index` begins; the end where there are fewer.
std::size_t CodePointOffset(std::string_view text, std::size_t index);
// An empty separator splits into code points.
std::vector<std::string> SplitText(std::string_view text, std::string_view separator);
std::string ReplaceAll(std::string_view text, std::string_view from, std::string_view to);
std::string LowerAscii(std::string_view text);
std::string Trim(std::string_view text);
// "1h30m", "500ms": whole numbers with units from ns to h; nullopt for anything else or an
// overflow.
std::optional<std::chrono::nanoseconds> ParseGoDuration(std::string_view text);

}  // namespace stoker::api::cel
