#include "controller/warming/source/template.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace stoker::warming {
namespace {

constexpr std::array<bool, 256> CharacterSet(std::string_view extra) {
  std::array<bool, 256> set{};
  for (int c = 'a'; c <= 'z'; ++c) set[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) set[static_cast<std::size_t>(c)] = true;
  for (int c = '0'; c <= '9'; ++c) set[static_cast<std::size_t>(c)] = true;
  for (const char c : extra) set[static_cast<unsigned char>(c)] = true;
  return set;
}
constexpr auto kUnreserved = CharacterSet("-._~");
constexpr auto kUnreservedAndReserved = CharacterSet("-._~:/?#[]@!$&'()*+,;=");

bool IsHex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

void AppendEscaped(std::string_view value, const std::array<bool, 256>& keep, bool keep_triplets,
                   std::string& out) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  for (std::size_t i = 0; i < value.size(); ++i) {
    const auto byte = static_cast<unsigned char>(value[i]);
    const bool triplet = keep_triplets && byte == '%' && i + 2 < value.size() &&
                         IsHex(value[i + 1]) && IsHex(value[i + 2]);
    if (keep[byte] || triplet) {
      out.push_back(value[i]);
    } else {
      out.push_back('%');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    }
  }
}

}  // namespace

Result<Template> Template::Parse(std::string_view text, Kind kind,
                                 std::span<const std::string> known) {
  Template result;
  std::string literal;
  const auto doubled = [&](std::size_t at) {
    return kind == Kind::kValue && at + 1 < text.size() && text[at + 1] == text[at];
  };
  for (std::size_t at = 0; at < text.size();) {
    const bool brace = text[at] == '{' || text[at] == '}';
    if (brace && doubled(at)) {
      literal.push_back(text[at]);
      at += 2;
      continue;
    }
    if (text[at] == '}') {
      return Invalid(fmt::format("\"{}\" has a \"}}\" that no \"{{\" opened", text));
    }
    if (text[at] != '{') {
      literal.push_back(text[at++]);
      continue;
    }
    const std::size_t end = text.find_first_of("{}", at + 1);
    if (end == std::string_view::npos || text[end] == '{') {
      return Invalid(fmt::format("\"{}\" has a \"{{\" that no \"}}\" closes", text));
    }
    std::string_view name = text.substr(at + 1, end - at - 1);
    const bool plus = name.starts_with('+');
    if (plus) name.remove_prefix(1);
    const auto place = std::find(known.begin(), known.end(), name);
    if (place == known.end()) {
      return Invalid(fmt::format("\"{}\" uses the unknown variable {{{}}}; known here: {{{}}}",
                                 text, name, fmt::join(known, "}, {")));
    }
    Escape escape = plus ? Escape::kKeepReserved : Escape::kAll;
    if (kind != Kind::kUrl) escape = Escape::kNone;
    result.parts_.push_back({std::move(literal), static_cast<int>(place - known.begin()), escape});
    literal.clear();
    at = end + 1;
  }
  if (!literal.empty() || result.parts_.empty()) {
    result.parts_.push_back({std::move(literal), -1, Escape::kNone});
  }
  return result;
}

std::vector<std::string> Template::NamesIn(std::string_view text) {
  std::vector<std::string> names;
  for (std::size_t open = text.find('{'); open != std::string_view::npos;) {
    const std::size_t end = text.find_first_of("{}", open + 1);
    if (end == std::string_view::npos) break;
    std::string name(text.substr(open + 1, end - open - 1));
    if (name.starts_with('+')) name.erase(0, 1);
    if (text[end] == '}' && std::find(names.begin(), names.end(), name) == names.end()) {
      names.push_back(std::move(name));
    }
    open = text.find('{', end);
  }
  return names;
}

void Template::Render(std::span<const std::string_view> values, std::string& out) const {
  for (const Part& part : parts_) {
    out.append(part.literal);
    if (part.variable < 0) continue;
    const std::string_view value = values[static_cast<std::size_t>(part.variable)];
    switch (part.escape) {
      case Escape::kNone:
        out.append(value);
        break;
      case Escape::kAll:
        AppendEscaped(value, kUnreserved, false, out);
        break;
      case Escape::kKeepReserved:
        AppendEscaped(value, kUnreservedAndReserved, true, out);
        break;
    }
  }
}

bool Template::RenderKey(std::span<const std::string_view> values, std::size_t most,
                         std::string& out) const {
  std::size_t room = most;
  const auto append = [&](std::string_view piece) {
    out.append(piece.substr(0, room));
    const bool whole = piece.size() <= room;
    room -= std::min(room, piece.size());
    return whole;
  };
  return std::all_of(parts_.begin(), parts_.end(), [&](const Part& part) {
    return append(part.literal) &&
           (part.variable < 0 || append(values[static_cast<std::size_t>(part.variable)]));
  });
}

bool Template::TellsApart(std::span<const Characters> characters) const {
  for (std::size_t i = 0; i + 1 < parts_.size(); ++i) {
    const std::string& between = parts_[i + 1].literal;
    if (parts_[i + 1].variable < 0) break;  // what follows the last one is always the same
    const auto& before = characters[static_cast<std::size_t>(parts_[i].variable)];
    if (between.empty() || before[static_cast<unsigned char>(between.front())]) return false;
  }
  for (std::size_t i = 0; i < characters.size(); ++i) {
    if (!Uses(i)) return false;
  }
  return true;
}

bool Template::Uses(std::size_t variable) const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [&](const Part& part) { return part.variable == static_cast<int>(variable); });
}

}  // namespace stoker::warming
