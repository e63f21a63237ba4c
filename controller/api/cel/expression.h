#pragma once

// A rule of a CRD (x-kubernetes-validations), compiled once and evaluated on many objects.
//
// It speaks the part of CEL that rules need: operators, ?:, `in`, has(), the macros all, exists,
// exists_one, filter and map, conversions, the string functions of Kubernetes' library, durations
// and quantities. Whatever it does not know fails at compile time or gives an error value, never a
// guess.
//
// Work is bounded: an expression has at most kMaxDepth levels, an evaluation at most kMaxSteps
// steps, and regular expressions run in linear time.
//
// Thread safety: const methods from any thread.

#include <memory>
#include <string_view>

#include "controller/api/cel/value.h"
#include "controller/base/result.h"

namespace stoker::api::cel {

struct Node;

class Expression {
 public:
  static constexpr int kMaxDepth = 100;
  static constexpr int kMaxSteps = 5'000'000;

  // kInvalid says what does not parse.
  static Result<Expression> Compile(std::string_view text);

  Expression(Expression&&) noexcept;
  Expression& operator=(Expression&&) noexcept;
  ~Expression();

  // The value with `self` bound; an error value where evaluation fails.
  [[nodiscard]] Value Evaluate(const nlohmann::json& self) const;

 private:
  explicit Expression(std::unique_ptr<Node> root);
  std::unique_ptr<Node> root_;
};

}  // namespace stoker::api::cel
