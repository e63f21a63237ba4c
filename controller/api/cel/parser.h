#pragma once

// CEL text to a tree, by recursive descent along CEL's grammar.
//
// Thread safety: pure.

#include <memory>
#include <string_view>

#include "controller/api/cel/ast.h"
#include "controller/base/result.h"

namespace stoker::api::cel {

Result<std::unique_ptr<Node>> Parse(std::string_view text);

}  // namespace stoker::api::cel
