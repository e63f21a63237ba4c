#include "controller/api/yaml_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace stoker::api {
namespace {

constexpr std::uint32_t kByteOrderMark = 0xFEFF;

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t width = 0;  // in bytes; 0: the bytes are no UTF-8
};

CodePoint Decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t width = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < width) return {};
  std::uint32_t value = lead & (0xFFU >> (width + 1));
  for (std::size_t i = 1; i < width; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    value = value << 6 | (byte(i) & 0x3FU);
  }
  constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < kSmallest[width] || value > 0x10FFFF || surrogate) return {};
  return {value, width};
}

bool IsControl(std::uint32_t c) {
  return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || (c >= 0x7F && c < 0xA0);
}

// Line ends for YAML 1.1 alone; parsers do not agree on them.
bool IsOddLineEnd(std::uint32_t c) { return c == 0x85 || c == 0x2028 || c == 0x2029; }

Status CheckLine(std::string_view line) {
  for (CodePoint c; !line.empty(); line.remove_prefix(c.width)) {
    c = Decode(line);
    if (c.width == 0) return Invalid("this is not UTF-8 text; save the file as UTF-8");
    if (IsControl(c.value) || IsOddLineEnd(c.value) || c.value == kByteOrderMark) {
      return Invalid(
          fmt::format("holds the control character U+{:04X}; remove it or write it as an escape in "
                      "double quotes",
                      c.value));
    }
  }
  return {};
}

Status CheckSeparator(std::string_view line) {
  if (!line.starts_with("---")) return {};
  const std::size_t next = line.find_first_not_of(" \t\r", 3);
  if (next == std::string_view::npos || line[next] == '#') return {};
  return Invalid(
      "only a comment may follow the separator ---; begin the document on the next line");
}

}  // namespace

bool IsUtf8(std::string_view text) {
  for (CodePoint c; !text.empty(); text.remove_prefix(c.width)) {
    c = Decode(text);
    if (c.width == 0) return false;
  }
  return true;
}

Status CheckYamlText(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    for (const auto check : {CheckLine, CheckSeparator}) {
      if (Status checked = check(line); !checked) {
        return Annotate(fmt::format("line {}", number), checked.error());
      }
    }
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return {};
}

}  // namespace stoker::api
