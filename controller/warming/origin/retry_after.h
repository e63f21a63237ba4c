#pragma once

// How long an origin asked us to wait: the Retry-After header, in seconds or as an HTTP date.
//
// Thread safety: a pure function.

#include <optional>
#include <string_view>

#include "controller/base/clock.h"
#include "controller/base/duration.h"

namespace stoker::warming {

// None when the header cannot be read. A date that has passed is 0; what exceeds a day is a day.
std::optional<Millis> ParseRetryAfter(std::string_view header, WallTime now);

}  // namespace stoker::warming
