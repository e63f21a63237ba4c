#pragma once

// The two hashes of Stoker: a fast one that spreads keys, a strong one that names content.
//
// KeyHash (XXH3, 64 bit) decides the shard of a key and what is a duplicate; its value is part of
// the meaning of a run, so it never changes between releases. Sha256Hex names immutable content
// (plans).

#include <cstdint>
#include <string>
#include <string_view>

namespace stoker {

std::uint64_t KeyHash(std::string_view key);
std::string Sha256Hex(std::string_view content);
// The first four bytes of the MD5: a hash that databases can compute, too. No more than that.
std::uint32_t Md5Head(std::string_view text);
std::string Base64Encode(std::string_view bytes);
// Standard alphabet, padding needed (RFC 4648); false on anything else, and `bytes` is then empty.
bool Base64Decode(std::string_view text, std::string& bytes);

}  // namespace stoker
