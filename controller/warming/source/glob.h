#pragma once

// Shell patterns on keys: "product:*", "user:?:cart". `*` is any run of characters, `?` is one
// byte, `\` takes the next character as it is. Matching takes linear time in the key for each star,
// never more, whatever a user writes.
//
// Thread safety: pure.

#include <string_view>

namespace stoker::warming {

[[nodiscard]] bool GlobMatches(std::string_view pattern, std::string_view text);

}  // namespace stoker::warming
