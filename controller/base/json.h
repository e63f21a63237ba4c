#pragma once

// Reading JSON that somebody else wrote.
//
// nlohmann::json reads any depth, but copying or writing what it read takes the stack, level by level:
// a few hundred kilobytes of "[" end the process later, at some harmless assignment. So everything
// that comes from outside is read by this, and is shallow from then on.
//
// Thread safety: any thread.

#include <nlohmann/json.hpp>
#include <string_view>

#include "controller/base/result.h"

namespace stoker {

inline constexpr int kMostJsonDepth = 64;

// kInvalid: a clause such as "is not JSON" or "is nested more than 64 levels deep". Nothing of the
// text is part of it.
Result<nlohmann::json> ParseJson(std::string_view text);

}  // namespace stoker
