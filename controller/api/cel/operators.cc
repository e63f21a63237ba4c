#include "controller/api/cel/operators.h"

#include <fmt/format.h>

#include <compare>
#include <optional>

namespace stoker::api::cel {
namespace {

Value NoOverload(std::string_view op, const Value& left, const Value& right) {
  return Value::Error(
      fmt::format("no such overload: {} {} {}", left.TypeName(), op, right.TypeName()));
}

std::optional<double> AsDouble(const Value& value) {
  if (const auto* number = value.As<std::int64_t>()) return static_cast<double>(*number);
  if (const auto* number = value.As<double>()) return *number;
  return std::nullopt;
}

std::partial_ordering Compare(const Value& left, const Value& right) {
  const auto* left_int = left.As<std::int64_t>();
  const auto* right_int = right.As<std::int64_t>();
  if (left_int && right_int) return *left_int <=> *right_int;
  if (const auto a = AsDouble(left), b = AsDouble(right); a && b) return *a <=> *b;
  const auto* left_text = left.As<std::string>();
  const auto* right_text = right.As<std::string>();
  if (left_text && right_text) return *left_text <=> *right_text;
  const auto* left_duration = left.As<Duration>();
  const auto* right_duration = right.As<Duration>();
  if (left_duration && right_duration) return left_duration->count() <=> right_duration->count();
  return std::partial_ordering::unordered;
}

Value Ordered(std::string_view op, const Value& left, const Value& right) {
  const std::partial_ordering order = Compare(left, right);
  if (order == std::partial_ordering::unordered) return NoOverload(op, left, right);
  const bool truth = op == "<"    ? order < 0
                     : op == "<=" ? order <= 0
                     : op == ">"  ? order > 0
                                  : order >= 0;
  return Value::Data(truth);
}

Value IntArithmetic(char op, std::int64_t left, std::int64_t right) {
  std::int64_t result = 0;
  bool overflow = false;
  switch (op) {
    case '+':
      overflow = __builtin_add_overflow(left, right, &result);
      break;
    case '-':
      overflow = __builtin_sub_overflow(left, right, &result);
      break;
    case '*':
      overflow = __builtin_mul_overflow(left, right, &result);
      break;
    default:
      if (right == 0) return Value::Error("division by zero");
      overflow = left == INT64_MIN && right == -1;
      if (!overflow) result = op == '/' ? left / right : left % right;
  }
  return overflow ? Value::Error("integer overflow") : Value(Value::Data(result));
}

Value Concatenate(const Value& left, const Value& right) {
  auto items = std::make_shared<List>();
  for (const Value* side : {&left, &right}) {
    for (std::size_t i = 0; i < side->Size(); ++i) items->push_back(side->At(i));
  }
  return Value::Data(std::shared_ptr<const List>(std::move(items)));
}

Value Arithmetic(std::string_view op, const Value& left, const Value& right) {
  const auto* left_int = left.As<std::int64_t>();
  const auto* right_int = right.As<std::int64_t>();
  if (left_int && right_int) return IntArithmetic(op[0], *left_int, *right_int);
  const auto* left_double = left.As<double>();
  const auto* right_double = right.As<double>();
  if (left_double && right_double && op != "%") {
    const double a = *left_double;
    const double b = *right_double;
    return Value::Data(op == "+" ? a + b : op == "-" ? a - b : op == "*" ? a * b : a / b);
  }
  if (op != "+") return NoOverload(op, left, right);
  const auto* left_text = left.As<std::string>();
  const auto* right_text = right.As<std::string>();
  if (left_text && right_text) return Value::Data(*left_text + *right_text);
  if (left.IsList() && right.IsList()) return Concatenate(left, right);
  return NoOverload(op, left, right);
}

Value In(const Value& item, const Value& container) {
  const auto* map = container.As<JsonMap>();
  if (!map && !container.IsList()) return NoOverload("in", item, container);
  for (std::size_t i = 0; i < container.Size(); ++i) {
    if (Equal(item, container.Item(i))) return Value::Data(true);
  }
  return Value::Data(false);
}

}  // namespace

Value Negate(const Value& operand) {
  if (const auto* number = operand.As<std::int64_t>()) return IntArithmetic('-', 0, *number);
  if (const auto* number = operand.As<double>()) return Value::Data(-*number);
  return operand.IsError() ? operand : Value::Error("no such overload: -");
}

Value ApplyOperator(std::string_view op, const Value& left, const Value& right) {
  if (op == "==") return Value::Data(Equal(left, right));
  if (op == "!=") return Value::Data(!Equal(left, right));
  if (op == "in") return In(left, right);
  if (op == "<" || op == "<=" || op == ">" || op == ">=") return Ordered(op, left, right);
  return Arithmetic(op, left, right);
}

}  // namespace stoker::api::cel
