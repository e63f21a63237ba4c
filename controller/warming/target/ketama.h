#pragma once

// Which of several memcached servers holds a key, as the application's own client decides it.
//
// Consistent hashing as libmemcached's weighted ketama has it, and with it PHP's
// OPT_LIBKETAMA_COMPATIBLE, pylibmc's ketama_weighted, spymemcached with its LIBMEMCACHED node keys
// and twemproxy's ketama with md5: 160 points a server, from the MD5 of "host:port-0" to
// "host:port-39" (the port left out where it is 11211), four little-endian numbers each; a key goes
// to the first point at or after the first four bytes of its own MD5.
//
// Thread safety: const after construction.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct evp_md_st;  // OpenSSL's EVP_MD

namespace stoker::warming {

class Ketama {
 public:
  static constexpr int kPoints = 160;  // a server

  // "host:port" each, as the applications name them: the ring is made from these words.
  explicit Ketama(const std::vector<std::string>& servers);
  // The server's place in the list.
  [[nodiscard]] std::size_t ServerOf(std::string_view key) const;

 private:
  struct Point {
    std::uint32_t at;
    std::uint32_t server;
  };
  const std::shared_ptr<evp_md_st> md5_;  // looked up once: that costs more than a digest
  std::vector<Point> points_;
};

}  // namespace stoker::warming
