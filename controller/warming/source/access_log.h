#pragma once

// Access logs of web servers: which line asked for what, and what was asked for most.
//
// Thread safety: pure functions; a Frequencies is one thread's.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "controller/api/types.h"

namespace stoker::warming {

// Longer paths are no URL that could be asked for; they are not counted.
inline constexpr std::size_t kMaxLogPath = 8192;

struct LogLine {
  std::string method;
  std::string path;  // and query, as the client sent it
  int status = 0;
};

// The combined (or common) format of nginx and Apache. None: the line is not in it, or asks for
// nothing that has a path.
std::optional<LogLine> ParseCombinedLine(std::string_view line);
// One JSON object a line; the pointers say where it has what.
std::optional<LogLine> ParseJsonLine(std::string_view line, const api::JsonLog& fields);
// "200", or "2xx".
bool StatusMatches(std::string_view wanted, int status);

// Counts in bounded memory. Up to `capacity` different texts are counted exactly. Beyond that, or
// where they take more than `max_bytes`, the rare ones are forgotten as often as needed, so that
// what is asked for often stays; a count is then too low by at most the sum of all counts divided by
// how many texts are kept: the capacity, or as many as have half of the bytes.
class Frequencies {
 public:
  static constexpr std::size_t kMaxBytes = 256 << 20;
  static constexpr std::size_t kBytesAText = 96;  // beside its own

  explicit Frequencies(std::size_t capacity, std::size_t max_bytes = kMaxBytes)
      : capacity_(capacity), max_bytes_(max_bytes) {}
  void Add(std::string_view text);
  struct Counted {
    std::string text;
    std::int64_t count;
  };
  // The most frequent first, at most `capacity`; the same log gives the same order. Empties it.
  std::vector<Counted> Take();
  [[nodiscard]] bool exact() const { return exact_; }
  [[nodiscard]] std::size_t MemoryBytes() const { return bytes_; }

 private:
  void Forget();

  const std::size_t capacity_;
  const std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  bool exact_ = true;
  std::unordered_map<std::string, std::int64_t> counts_;
};

}  // namespace stoker::warming
