#pragma once

// The words of a CEL expression: identifiers, numbers, strings (with escapes, and raw r'...') and
// operators.
//
// Thread safety: pure.

#include <string>
#include <string_view>
#include <vector>

#include "controller/base/result.h"

namespace stoker::api::cel {

struct Token {
  enum class Kind { kIdentifier, kInt, kDouble, kString, kOperator, kEnd };
  Kind kind = Kind::kEnd;
  std::string text;  // of a string: its value, escapes resolved
};

// Ends with one kEnd. kInvalid for a character or an escape that CEL does not know.
Result<std::vector<Token>> Tokenize(std::string_view expression);

}  // namespace stoker::api::cel
