#include "controller/warming/postgres/errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace stoker::warming {
namespace {

constexpr std::size_t kMaxServerText = 300;

// One line, of a length that a status can bear.
std::string OneLine(std::string_view text) {
  std::string line(text.substr(0, std::min(text.find('\n'), kMaxServerText)));
  std::replace_if(
      line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  while (line.ends_with(' ') || line.ends_with('.')) line.pop_back();
  return line;
}

bool ContainsAny(std::string_view text, const auto& words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
    return text.find(word) != std::string_view::npos;
  });
}

// A server that is up, but takes nobody just now.
constexpr std::array<std::string_view, 6> kPassing = {"starting up",      "shutting down",
                                                      "in recovery",      "too many clients",
                                                      "connection slots", "too many connections"};

}  // namespace

Error ExplainConnectFailure(std::string_view where, std::string_view text) {
  // "connection to server at "db" (10.0.0.1), port 5432 failed: FATAL:  what it is"
  if (const std::size_t at = text.find(" failed: "); at != std::string_view::npos) {
    text.remove_prefix(at + 9);
  }
  const std::size_t fatal = text.find("FATAL:");
  if (fatal == std::string_view::npos) {
    const std::string line = OneLine(text);
    return Unavailable(
        fmt::format("{}: {}", where, line.empty() ? "the connection was not made" : line));
  }
  text.remove_prefix(std::min(text.size(), fatal + 8));  // and two spaces
  const std::string sentence = fmt::format("{}: {}", where, OneLine(text));
  if (ContainsAny(text, kPassing)) return Unavailable(sentence);
  return Error{Code::kPermission, sentence};
}

Error ExplainServerError(std::string_view sqlstate, std::string_view primary) {
  const std::string line = OneLine(primary);
  // Classes: connection exceptions, lack of resources, operator intervention, system errors; and
  // transactions that another one pushed aside.
  constexpr std::array<std::string_view, 5> kPassingClasses = {"08", "53", "57P", "58", "40"};
  const bool passing =
      std::any_of(kPassingClasses.begin(), kPassingClasses.end(),
                  [&](std::string_view start) { return sqlstate.starts_with(start); });
  if (passing) return Unavailable(line);
  if (sqlstate == "57014") {
    return Error{Code::kTimeout, line + "; raise statementTimeout, or make the query cheaper"};
  }
  if (sqlstate == "42501") return Error{Code::kPermission, line};
  return Invalid(line);
}

}  // namespace stoker::warming
