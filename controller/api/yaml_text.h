#pragma once

// What a YAML parser would let through but kubectl refuses, found before the parser sees the text.
//
// Bytes that are no UTF-8 and control characters would end in keys, URLs and logs; a document on
// the line of its separator is one that kubectl does not read.
//
// Thread safety: pure functions.

#include <string_view>

#include "controller/base/result.h"

namespace stoker::api {

[[nodiscard]] bool IsUtf8(std::string_view text);

// kInvalid names the line and what is wrong with it.
Status CheckYamlText(std::string_view text);

}  // namespace stoker::api
