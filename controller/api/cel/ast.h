#pragma once

// A parsed CEL expression: a tree of nodes, made once by the parser and never changed.
//
// Thread safety: immutable after parsing, so any thread may evaluate it.

#include <re2/re2.h>

#include <memory>
#include <string>
#include <vector>

#include "controller/api/cel/value.h"

namespace stoker::api::cel {

enum class NodeKind {
  kLiteral,     // value
  kIdentifier,  // text
  kSelect,      // children[0].text
  kHas,         // has(children[0].text)
  kIndex,       // children[0][children[1]]
  kList,        // [children...]
  kNot,         // !children[0]
  kNegate,      // -children[0]
  kAnd,
  kOr,
  kTernary,        // children[0] ? children[1] : children[2]
  kBinary,         // children[0] text children[1]: arithmetic, comparison, in
  kCall,           // text(children...), or children[0].text(children[1]...) where `member`
  kComprehension,  // children[0].text(variable, children[1]): all, exists, exists_one, filter, map
};

struct Node {
  NodeKind kind = NodeKind::kLiteral;
  std::string text;
  Value value;
  std::string variable;
  bool member = false;
  std::vector<std::unique_ptr<Node>> children;
  std::unique_ptr<RE2> regex;  // of matches('literal')
};

}  // namespace stoker::api::cel
