#pragma once

// The operators of CEL on finished values: arithmetic that refuses to overflow, comparison, `in`.
//
// Thread safety: pure functions.

#include <string_view>

#include "controller/api/cel/value.h"

namespace stoker::api::cel {

Value Negate(const Value& operand);
// `op`: one of + - * / % == != < <= > >= in. Neither side is an error value.
Value ApplyOperator(std::string_view op, const Value& left, const Value& right);

}  // namespace stoker::api::cel
