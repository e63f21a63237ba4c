#pragma once

// "product:{id}:{lang}" over the product of its variables, the first one moving slowest.
//
// Nothing is expanded ahead: the source is an odometer. Its size is known without turning it. A
// pattern may say what the values are, too: its entries then carry them.
//
// Thread safety: one loop.

#include <memory>
#include <string>
#include <vector>

#include "controller/api/types.h"
#include "controller/warming/source/source.h"
#include "controller/warming/source/template.h"

namespace stoker::warming {

inline constexpr std::int64_t kMaxPatternEntries = 1'000'000'000'000;

// kInvalid when the product passes kMaxPatternEntries; 0 when a range or a list is empty.
Result<std::int64_t> CountPattern(const api::PatternSource& spec);

// `columns` names the variables that entries carry beside their key, in that order.
Result<std::unique_ptr<LocalSource>> MakePatternSource(const api::PatternSource& spec,
                                                       const std::vector<std::string>& columns);

}  // namespace stoker::warming
