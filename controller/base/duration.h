#pragma once

// Durations as manifests write them: "500ms", "5s", "1h30m".
//
// The grammar is the CRD's pattern ^([0-9]+(ms|s|m|h))+$ : no sign, no fraction, no days, at most
// 32 characters. Values are milliseconds.

#include <chrono>
#include <string>
#include <string_view>

#include "controller/base/result.h"

namespace stoker {

using Millis = std::chrono::milliseconds;

Result<Millis> ParseDuration(std::string_view text);
// The shortest form that parses back to the same value: 90s is "1m30s", 0 is "0s".
std::string FormatDuration(Millis duration);

}  // namespace stoker
