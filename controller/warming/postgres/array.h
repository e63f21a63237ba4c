#pragma once

// An array as a binary parameter of a statement: no escaping, one buffer.
//
// Thread safety: a plain value.

#include <cstdint>
#include <string>
#include <string_view>

namespace stoker::warming {

inline constexpr std::uint32_t kPostgresInt8 = 20, kPostgresText = 25;

class PostgresArray {
 public:
  // The elements' type: kPostgresText, kPostgresBytea or kPostgresInt8.
  explicit PostgresArray(std::uint32_t element_type);
  void Add(std::string_view element);
  void Add(std::int64_t number);
  [[nodiscard]] std::string_view bytes() const { return bytes_; }

 private:
  void Count();

  std::string bytes_;
  std::uint32_t count_ = 0;
};

// Of a bigint in an answer.
std::int64_t PostgresInteger(std::string_view bytes);

}  // namespace stoker::warming
