#include <fmt/format.h>

#include <optional>
#include <utility>

#include "controller/api/cel/ast.h"
#include "controller/api/cel/expression.h"
#include "controller/api/cel/functions.h"
#include "controller/api/cel/operators.h"
#include "controller/api/cel/parser.h"

namespace stoker::api::cel {
namespace {

Value Bool(bool truth) { return Value::Data(truth); }

// The JSON members that Kubernetes renames for CEL: `namespace` is written __namespace__.
std::string_view MemberName(std::string_view name) {
  const bool escaped = name.size() > 4 && name.starts_with("__") && name.ends_with("__");
  return escaped ? name.substr(2, name.size() - 4) : name;
}

const nlohmann::json* FindMember(const Value& target, std::string_view name) {
  const auto* map = target.As<JsonMap>();
  if (map == nullptr) return nullptr;
  const auto it = map->json->find(std::string(MemberName(name)));
  return it == map->json->end() ? nullptr : &*it;
}

// One evaluation: the variables in sight and the steps taken.
class Evaluation {
 public:
  explicit Evaluation(const nlohmann::json& self) {
    scope_.emplace_back("self", Value::FromJson(self));
  }

  Value Of(const Node& node) {
    if (++steps_ > Expression::kMaxSteps)
      return Value::Error("the rule takes too long on this object");
    switch (node.kind) {
      case NodeKind::kLiteral:
        return node.value;
      case NodeKind::kIdentifier:
        return Identifier(node.text);
      case NodeKind::kSelect:
        return Select(node);
      case NodeKind::kHas:
        return Has(node);
      case NodeKind::kIndex:
        return Index(node);
      case NodeKind::kList:
        return MakeList(node);
      case NodeKind::kNot:
        return Not(node);
      case NodeKind::kNegate:
        return Negate(Of(*node.children[0]));
      case NodeKind::kAnd:
        return Logic(node, false);
      case NodeKind::kOr:
        return Logic(node, true);
      case NodeKind::kTernary:
        return Ternary(node);
      case NodeKind::kBinary:
        return Binary(node);
      case NodeKind::kCall:
        return Call(node);
      case NodeKind::kComprehension:
        return Comprehension(node);
    }
    return Value::Error("unknown expression");
  }

 private:
  Value Identifier(const std::string& name) {
    for (auto it = scope_.rbegin(); it != scope_.rend(); ++it) {
      if (it->first == name) return it->second;
    }
    for (const char* type : {"int", "double", "string", "bool", "list", "map"}) {
      if (name == type) return Value::Data(Type{name});
    }
    return Value::Error("undeclared reference to " + name);
  }

  Value Select(const Node& node) {
    Value target = Of(*node.children[0]);
    if (target.IsError()) return target;
    const nlohmann::json* member = FindMember(target, node.text);
    return member ? Value::FromJson(*member) : Value::Error("no such key: " + node.text);
  }

  Value Has(const Node& node) {
    Value target = Of(*node.children[0]);
    if (target.IsError()) return target;
    if (!target.As<JsonMap>()) return Value::Error("has() needs an object");
    return Bool(FindMember(target, node.text) != nullptr);
  }

  Value Index(const Node& node) {
    Value target = Of(*node.children[0]);
    if (target.IsError()) return target;
    Value position = Of(*node.children[1]);
    if (position.IsError()) return position;
    if (const auto* name = position.As<std::string>(); name && target.As<JsonMap>()) {
      const nlohmann::json* member = FindMember(target, *name);
      return member ? Value::FromJson(*member) : Value::Error("no such key: " + *name);
    }
    const auto* index = position.As<std::int64_t>();
    if (index == nullptr || !target.IsList()) return Value::Error("no such overload: []");
    if (*index < 0 || static_cast<std::size_t>(*index) >= target.Size()) {
      return Value::Error(fmt::format("index out of bounds: {}", *index));
    }
    return target.At(static_cast<std::size_t>(*index));
  }

  Value MakeList(const Node& node) {
    auto items = std::make_shared<List>();
    for (const auto& child : node.children) {
      Value item = Of(*child);
      if (item.IsError()) return item;
      items->push_back(std::move(item));
    }
    return Value::Data(std::shared_ptr<const List>(std::move(items)));
  }

  Value Not(const Node& node) {
    Value operand = Of(*node.children[0]);
    if (operand.IsError()) return operand;
    const auto* truth = operand.As<bool>();
    return truth ? Bool(!*truth) : Value::Error("no such overload: !");
  }

  // && and ||: `decisive` on either side decides, even beside an error.
  Value Logic(const Node& node, bool decisive) {
    Value left = Of(*node.children[0]);
    const auto* left_truth = left.As<bool>();
    if (left_truth && *left_truth == decisive) return left;
    Value right = Of(*node.children[1]);
    const auto* right_truth = right.As<bool>();
    if (right_truth && *right_truth == decisive) return right;
    if (left.IsError()) return left;
    if (right.IsError()) return right;
    return left_truth && right_truth ? right : Value::Error("no such overload: " + node.text);
  }

  Value Ternary(const Node& node) {
    Value condition = Of(*node.children[0]);
    if (condition.IsError()) return condition;
    const auto* truth = condition.As<bool>();
    if (truth == nullptr) return Value::Error("no such overload: ?:");
    return Of(*node.children[*truth ? 1 : 2]);
  }

  Value Binary(const Node& node) {
    Value left = Of(*node.children[0]);
    if (left.IsError()) return left;
    Value right = Of(*node.children[1]);
    if (right.IsError()) return right;
    return ApplyOperator(node.text, left, right);
  }

  Value Call(const Node& node) {
    List arguments;
    arguments.reserve(node.children.size());
    for (const auto& child : node.children) {
      arguments.push_back(Of(*child));
      if (arguments.back().IsError()) return arguments.back();
    }
    return CallFunction(node.text, node.member, arguments, node.regex.get());
  }

  Value Comprehension(const Node& node) {
    Value range = Of(*node.children[0]);
    if (range.IsError()) return range;
    if (!range.IsList() && !range.As<JsonMap>())
      return Value::Error("no such overload: " + node.text);
    scope_.emplace_back(node.variable, Value());
    Value result =
        node.text == "map" || node.text == "filter" ? Collect(node, range) : Quantify(node, range);
    scope_.pop_back();
    return result;
  }

  Value Collect(const Node& node, const Value& range) {
    auto items = std::make_shared<List>();
    for (std::size_t i = 0; i < range.Size(); ++i) {
      scope_.back().second = range.Item(i);
      Value value = Of(*node.children[1]);
      if (value.IsError()) return value;
      if (node.text == "map") {
        items->push_back(std::move(value));
        continue;
      }
      const auto* keep = value.As<bool>();
      if (keep == nullptr) return Value::Error("no such overload: filter");
      if (*keep) items->push_back(range.Item(i));
    }
    return Value::Data(std::shared_ptr<const List>(std::move(items)));
  }

  // all, exists: as && and || over the items. exists_one: errors count.
  Value Quantify(const Node& node, const Value& range) {
    std::optional<Value> error;
    std::size_t hits = 0;
    for (std::size_t i = 0; i < range.Size(); ++i) {
      scope_.back().second = range.Item(i);
      Value value = Of(*node.children[1]);
      const auto* truth = value.As<bool>();
      if (truth == nullptr) {
        if (!error)
          error = value.IsError() ? value : Value::Error("no such overload: " + node.text);
        continue;
      }
      if (node.text == "all" && !*truth) return Bool(false);
      if (node.text == "exists" && *truth) return Bool(true);
      if (*truth) ++hits;
    }
    if (error) return *error;
    return Bool(node.text == "all" || (node.text == "exists_one" && hits == 1));
  }

  std::vector<std::pair<std::string, Value>> scope_;
  int steps_ = 0;
};

}  // namespace

Expression::Expression(std::unique_ptr<Node> root) : root_(std::move(root)) {}
Expression::Expression(Expression&&) noexcept = default;
Expression& Expression::operator=(Expression&&) noexcept = default;
Expression::~Expression() = default;

Result<Expression> Expression::Compile(std::string_view text) {
  STOKER_TRY(std::unique_ptr<Node> root, Parse(text));
  return Expression(std::move(root));
}

Value Expression::Evaluate(const nlohmann::json& self) const { return Evaluation(self).Of(*root_); }

}  // namespace stoker::api::cel
