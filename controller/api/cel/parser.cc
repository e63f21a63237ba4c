#include "controller/api/cel/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <utility>

#include "controller/api/cel/expression.h"
#include "controller/api/cel/functions.h"
#include "controller/api/cel/lexer.h"

namespace stoker::api::cel {
namespace {

using NodePtr = std::unique_ptr<Node>;
using Parsed = Result<NodePtr>;

constexpr std::array<std::string_view, 5> kMacros = {"all", "exists", "exists_one", "filter",
                                                     "map"};

NodePtr MakeNode(NodeKind kind, std::string text = "") {
  auto node = std::make_unique<Node>();
  node->kind = kind;
  node->text = std::move(text);
  return node;
}

NodePtr MakeLiteral(Value value) {
  auto node = MakeNode(NodeKind::kLiteral);
  node->value = std::move(value);
  return node;
}

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  Parsed Run() {
    STOKER_TRY(NodePtr root, Ternary());
    if (Peek().kind != Token::Kind::kEnd) return Unexpected();
    return root;
  }

 private:
  [[nodiscard]] const Token& Peek() const { return tokens_[pos_]; }
  [[nodiscard]] bool IsNext(std::string_view op) const {
    return Peek().kind == Token::Kind::kOperator && Peek().text == op;
  }
  bool Take(std::string_view op) {
    if (!IsNext(op)) return false;
    ++pos_;
    return true;
  }
  [[nodiscard]] Error Unexpected() const {
    const bool end = Peek().kind == Token::Kind::kEnd;
    return Invalid(end ? "the expression ends too soon"
                       : fmt::format("\"{}\" is not expected", Peek().text));
  }

  Parsed Ternary() {
    if (++depth_ > Expression::kMaxDepth) return Invalid("the expression is nested too deep");
    STOKER_TRY(NodePtr condition, Or());
    if (Take("?")) {
      auto node = MakeNode(NodeKind::kTernary);
      node->children.push_back(std::move(condition));
      STOKER_TRY(NodePtr yes, Or());
      if (!Take(":")) return Unexpected();
      STOKER_TRY(NodePtr no, Ternary());
      node->children.push_back(std::move(yes));
      node->children.push_back(std::move(no));
      condition = std::move(node);
    }
    --depth_;
    return condition;
  }

  Parsed Or() { return LeftAssociative(&Parser::And, {"||"}); }
  Parsed And() { return LeftAssociative(&Parser::Relation, {"&&"}); }
  Parsed Relation() {
    return LeftAssociative(&Parser::Sum, {"==", "!=", "<=", ">=", "<", ">", "in"});
  }
  Parsed Sum() { return LeftAssociative(&Parser::Product, {"+", "-"}); }
  Parsed Product() { return LeftAssociative(&Parser::Unary, {"*", "/", "%"}); }

  // The operator that stands next, of `operators`; empty: none.
  std::string TakeAny(std::initializer_list<std::string_view> operators) {
    for (const std::string_view op : operators) {
      const bool word = op == "in" && Peek().kind == Token::Kind::kIdentifier && Peek().text == op;
      if (word || IsNext(op)) {
        ++pos_;
        return std::string(op);
      }
    }
    return "";
  }

  Parsed LeftAssociative(Parsed (Parser::*operand)(),
                         std::initializer_list<std::string_view> operators) {
    STOKER_TRY(NodePtr left, (this->*operand)());
    for (std::string op = TakeAny(operators); !op.empty(); op = TakeAny(operators)) {
      STOKER_TRY(NodePtr right, (this->*operand)());
      const NodeKind kind = op == "&&"   ? NodeKind::kAnd
                            : op == "||" ? NodeKind::kOr
                                         : NodeKind::kBinary;
      auto node = MakeNode(kind, std::move(op));
      node->children.push_back(std::move(left));
      node->children.push_back(std::move(right));
      left = std::move(node);
    }
    return left;
  }

  Parsed Unary() {
    if (!IsNext("!") && !IsNext("-")) return Member();
    if (++depth_ > Expression::kMaxDepth) return Invalid("the expression is nested too deep");
    auto node = MakeNode(Take("!") ? NodeKind::kNot : (++pos_, NodeKind::kNegate));
    STOKER_TRY(NodePtr operand, Unary());
    --depth_;
    node->children.push_back(std::move(operand));
    return node;
  }

  Parsed Member() {
    STOKER_TRY(NodePtr node, Primary());
    while (true) {
      if (Take("[")) {
        auto index = MakeNode(NodeKind::kIndex);
        index->children.push_back(std::move(node));
        STOKER_TRY(NodePtr position, Ternary());
        if (!Take("]")) return Unexpected();
        index->children.push_back(std::move(position));
        node = std::move(index);
      } else if (Take(".")) {
        STOKER_TRY(node, AfterDot(std::move(node)));
      } else {
        return node;
      }
    }
  }

  Parsed AfterDot(NodePtr target) {
    if (Peek().kind != Token::Kind::kIdentifier) return Unexpected();
    std::string name = Peek().text;
    ++pos_;
    if (!Take("(")) {
      auto select = MakeNode(NodeKind::kSelect, std::move(name));
      select->children.push_back(std::move(target));
      return select;
    }
    const bool macro = std::find(kMacros.begin(), kMacros.end(), name) != kMacros.end();
    return macro ? Comprehension(std::move(target), std::move(name))
                 : Call(std::move(name), std::move(target));
  }

  Parsed Comprehension(NodePtr range, std::string macro) {
    auto node = MakeNode(NodeKind::kComprehension, std::move(macro));
    if (Peek().kind != Token::Kind::kIdentifier) return Unexpected();
    node->variable = Peek().text;
    ++pos_;
    if (!Take(",")) return Unexpected();
    node->children.push_back(std::move(range));
    STOKER_TRY(NodePtr body, Ternary());
    node->children.push_back(std::move(body));
    if (!Take(")")) return Unexpected();
    return node;
  }

  // After the opening parenthesis. `target`: what a member function is called on, or nullptr.
  Parsed Call(std::string name, NodePtr target) {
    auto node = MakeNode(NodeKind::kCall, std::move(name));
    node->member = target != nullptr;
    if (target) node->children.push_back(std::move(target));
    STOKER_CHECK(Arguments(")", *node));
    if (!IsFunction(node->text, node->member, node->children.size())) {
      return Invalid(fmt::format("there is no function {}() with these arguments", node->text));
    }
    if (node->text == "matches") STOKER_CHECK(CompilePattern(*node));
    return node;
  }

  static Status CompilePattern(Node& call) {
    const Node& argument = *call.children.back();
    const auto* pattern = argument.value.As<std::string>();
    if (argument.kind != NodeKind::kLiteral || pattern == nullptr) return {};
    call.regex = std::make_unique<RE2>(*pattern, RE2::Quiet);
    if (!call.regex->ok()) return Invalid("bad regular expression: " + call.regex->error());
    return {};
  }

  Status Arguments(std::string_view close, Node& node) {
    if (Take(close)) return {};
    do {
      STOKER_TRY(NodePtr argument, Ternary());
      node.children.push_back(std::move(argument));
    } while (Take(","));
    if (!Take(close)) return Unexpected();
    return {};
  }

  Parsed Primary() {
    if (Take("(")) {
      STOKER_TRY(NodePtr inner, Ternary());
      if (!Take(")")) return Unexpected();
      return inner;
    }
    if (Take("[")) {
      auto list = MakeNode(NodeKind::kList);
      STOKER_CHECK(Arguments("]", *list));
      return list;
    }
    const Token token = Peek();
    if (token.kind == Token::Kind::kEnd || token.kind == Token::Kind::kOperator)
      return Unexpected();
    ++pos_;
    switch (token.kind) {
      case Token::Kind::kString:
        return MakeLiteral(Value::Data(token.text));
      case Token::Kind::kInt:
        return Number<std::int64_t>(token.text);
      case Token::Kind::kDouble:
        return Number<double>(token.text);
      default:
        return Identifier(token.text);
    }
  }

  template <class T>
  static Parsed Number(const std::string& text) {
    T number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return Invalid(fmt::format("{} is too large", text));
    return MakeLiteral(Value::Data(number));
  }

  Parsed Identifier(const std::string& name) {
    if (name == "true" || name == "false") return MakeLiteral(Value::Data(name == "true"));
    if (name == "null") return MakeLiteral(Value::Data(Null{}));
    if (name == "has" && IsNext("(")) return Has();
    if (Take("(")) return Call(name, nullptr);
    return MakeNode(NodeKind::kIdentifier, name);
  }

  Parsed Has() {
    Take("(");
    STOKER_TRY(NodePtr field, Ternary());
    if (field->kind != NodeKind::kSelect)
      return Invalid("has() takes a field, such as has(self.ttl)");
    if (!Take(")")) return Unexpected();
    field->kind = NodeKind::kHas;
    return field;
  }

  std::vector<Token> tokens_;
  std::size_t pos_ = 0;
  int depth_ = 0;
};

}  // namespace

Result<std::unique_ptr<Node>> Parse(std::string_view text) {
  STOKER_TRY(std::vector<Token> tokens, Tokenize(text));
  return Parser(std::move(tokens)).Run();
}

}  // namespace stoker::api::cel
