#include "controller/warming/postgres/array.h"

#include <arpa/inet.h>
#include <endian.h>

#include <cstring>

namespace stoker::warming {
namespace {

constexpr std::size_t kHeader = 20;  // dimensions, flags, type; size and first index of the one
constexpr std::size_t kCountAt = 12;

void PutInt4(std::string& out, std::uint32_t number) {
  const std::uint32_t big = htonl(number);
  out.append(reinterpret_cast<const char*>(&big), sizeof(big));
}

}  // namespace

PostgresArray::PostgresArray(std::uint32_t element_type) {
  bytes_.reserve(kHeader);
  for (const std::uint32_t number : {1U, 0U, element_type, 0U, 1U}) PutInt4(bytes_, number);
}

void PostgresArray::Count() {
  const std::uint32_t big = htonl(++count_);
  std::memcpy(bytes_.data() + kCountAt, &big, sizeof(big));
}

void PostgresArray::Add(std::string_view element) {
  PutInt4(bytes_, static_cast<std::uint32_t>(element.size()));
  bytes_.append(element);
  Count();
}

void PostgresArray::Add(std::int64_t number) {
  const std::uint64_t big = htobe64(static_cast<std::uint64_t>(number));
  Add(std::string_view(reinterpret_cast<const char*>(&big), sizeof(big)));
}

std::int64_t PostgresInteger(std::string_view bytes) {
  std::uint64_t big = 0;
  if (bytes.size() == sizeof(big)) std::memcpy(&big, bytes.data(), sizeof(big));
  return static_cast<std::int64_t>(be64toh(big));
}

}  // namespace stoker::warming
