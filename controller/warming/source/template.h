#pragma once

// "http://shop/api/{id}?lang={lang}": text with holes, parsed once and rendered a million times.
//
// In URLs a hole is an RFC 6570 expression: {name} percent-encodes everything but unreserved
// characters, {+name} keeps reserved characters and finished %XX triplets. In keys and values both
// insert what they stand for as it is. In values, which may be JSON, {{ and }} are braces.
//
// Thread safety: const after Parse.

#include <bitset>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/result.h"

namespace stoker::warming {

class Template {
 public:
  enum class Kind { kKey, kUrl, kValue };

  // Variables are named by their place in `known`. kInvalid for an unknown one (the sentence lists
  // the known ones) and for braces that do not pair.
  static Result<Template> Parse(std::string_view text, Kind kind,
                                std::span<const std::string> known);

  // The names between braces, each once, whether or not the text is a good template.
  static std::vector<std::string> NamesIn(std::string_view text);

  // Appends the rendered text to `out`; `values` stand in the order of `known`.
  void Render(std::span<const std::string_view> values, std::string& out) const;
  // Of a kKey, at most `most` bytes; false: there is more, which is left out.
  bool RenderKey(std::span<const std::string_view> values, std::size_t most,
                 std::string& out) const;
  [[nodiscard]] bool Uses(std::size_t variable) const;
  // Hands its parts over in order: on_literal(text), on_variable(place).
  void Walk(const auto& on_literal, const auto& on_variable) const {
    for (const Part& part : parts_) {
      if (!part.literal.empty()) on_literal(part.literal);
      if (part.variable >= 0) on_variable(static_cast<std::size_t>(part.variable));
    }
  }
  // Whether different values surely render to different texts: every variable is used, and between
  // two of them stands a literal that begins with a character that the first one's values never
  // hold. `characters` has those of each variable.
  using Characters = std::bitset<256>;
  [[nodiscard]] bool TellsApart(std::span<const Characters> characters) const;

 private:
  enum class Escape { kNone, kAll, kKeepReserved };
  struct Part {
    std::string literal;  // stands before the variable
    int variable = -1;    // -1: the text ends with the literal
    Escape escape = Escape::kNone;
  };
  std::vector<Part> parts_;
};

}  // namespace stoker::warming
