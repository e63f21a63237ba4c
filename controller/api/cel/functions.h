#pragma once

// The functions that rules may call, by name and number of arguments. A member call counts its
// target as the first argument: self.split(' ') is split with two.
//
// Thread safety: pure.

#include <re2/re2.h>

#include <cstddef>
#include <span>
#include <string_view>

#include "controller/api/cel/value.h"

namespace stoker::api::cel {

[[nodiscard]] bool IsFunction(std::string_view name, bool member, std::size_t arguments);

// `regex` is the compiled pattern of matches() where it is a literal, or nullptr. No argument is an
// error value.
Value CallFunction(std::string_view name, bool member, std::span<const Value> arguments,
                   const RE2* regex);

}  // namespace stoker::api::cel
