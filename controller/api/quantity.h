#pragma once

// Kubernetes quantities ("16Mi", "500m", 1048576) as far as manifests of Stoker need them: is it
// one, how do two compare, how many whole bytes is it.
//
// A quantity is a decimal number with a binary (Ki..Ei), decimal (n, u, m, k..E) or exponent
// suffix. Values are held as long double, which is exact for every whole number of bytes below
// 2^63.
//
// Thread safety: pure functions.

#include <cstdint>
#include <optional>
#include <string_view>

#include "controller/base/result.h"

namespace stoker::api {

// nullopt: not a quantity.
std::optional<long double> ParseQuantity(std::string_view text);

// A whole, positive number of bytes; fractions are refused.
Result<std::int64_t> ParseBytes(std::string_view text);

}  // namespace stoker::api
