#include "controller/api/cel/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace stoker::api::cel {
namespace {

constexpr std::array<std::string_view, 22> kOperators = {
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*",
    "/",  "%",  "!",  "?",  ":",  ".",  ",", "(", ")", "[", "]"};

bool IsWordStart(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsWord(char c) { return IsWordStart(c) || IsDigit(c); }

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<std::vector<Token>> Run() {
    std::vector<Token> tokens;
    while (SkipSpace(), pos_ < text_.size()) {
      STOKER_TRY(Token token, Next());
      tokens.push_back(std::move(token));
    }
    tokens.push_back({});
    return tokens;
  }

 private:
  void SkipSpace() {
    while (pos_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[pos_]))) ++pos_;
  }

  Result<Token> Next() {
    const char c = text_[pos_];
    const bool raw = (c == 'r' || c == 'R') && pos_ + 1 < text_.size() &&
                     (text_[pos_ + 1] == '\'' || text_[pos_ + 1] == '"');
    if (raw) ++pos_;
    if (raw || c == '\'' || c == '"') return String(raw);
    if (IsWordStart(c)) return Token{Token::Kind::kIdentifier, TakeWhile(IsWord)};
    if (IsDigit(c)) return Number();
    for (const std::string_view op : kOperators) {
      if (text_.substr(pos_).starts_with(op)) {
        pos_ += op.size();
        return Token{Token::Kind::kOperator, std::string(op)};
      }
    }
    return Invalid(fmt::format("CEL does not know the character '{}'", c));
  }

  std::string TakeWhile(bool (*belongs)(char)) {
    const std::size_t start = pos_;
    while (pos_ < text_.size() && belongs(text_[pos_])) ++pos_;
    return std::string(text_.substr(start, pos_ - start));
  }

  Token Number() {
    Token token{Token::Kind::kInt, TakeWhile(IsDigit)};
    if (pos_ + 1 < text_.size() && text_[pos_] == '.' && IsDigit(text_[pos_ + 1])) {
      ++pos_;
      token.kind = Token::Kind::kDouble;
      token.text += "." + TakeWhile(IsDigit);
    }
    return token;
  }

  Result<Token> String(bool raw) {
    const char quote = text_[pos_++];
    Token token{Token::Kind::kString, ""};
    while (pos_ < text_.size() && text_[pos_] != quote) {
      if (text_[pos_] == '\\' && !raw) {
        STOKER_CHECK(Escape(token.text));
      } else {
        token.text.push_back(text_[pos_++]);
      }
    }
    if (pos_ == text_.size()) return Invalid("a string has no end");
    ++pos_;
    return token;
  }

  Status Escape(std::string& out) {
    static constexpr std::string_view kFrom = "\\'\"`?nrtabfv";
    static constexpr std::string_view kTo = "\\'\"`?\n\r\t\a\b\f\v";
    const char c = pos_ + 1 < text_.size() ? text_[pos_ + 1] : '\0';
    const std::size_t known = c == '\0' ? std::string_view::npos : kFrom.find(c);
    if (known == std::string_view::npos)
      return Invalid(fmt::format("CEL does not know the escape \\{}", c));
    out.push_back(kTo[known]);
    pos_ += 2;
    return {};
  }

  std::string_view text_;
  std::size_t pos_ = 0;
};

}  // namespace

Result<std::vector<Token>> Tokenize(std::string_view expression) { return Lexer(expression).Run(); }

}  // namespace stoker::api::cel
