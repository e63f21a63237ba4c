// Replies of Redis and memcached: whatever comes, in whatever pieces, is a reply, too short, or bad.
#include <algorithm>
#include <cstring>
#include <string>

#include "controller/warming/target/meta.h"
#include "controller/warming/target/resp.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace stoker::warming;  // NOLINT(google-build-using-namespace): the whole subject
using stoker::fuzz::Hold;

// What was read, one reply a line.
template <typename Next>
std::string ReadAll(std::string_view data, std::size_t piece, Next next) {
  ReceiveBuffer buffer;
  std::string read;
  while (true) {
    const ParseStatus status = next(buffer, read);
    if (status == ParseStatus::kBad) return read + "bad";
    if (status == ParseStatus::kOk) continue;
    if (data.empty()) return read;
    const std::span<char> room = buffer.Room();
    Hold(!room.empty(), "there is room for more");
    const std::size_t count = std::min({room.size(), piece, data.size()});
    std::memcpy(room.data(), data.data(), count);
    buffer.Added(count);
    data.remove_prefix(count);
  }
}

ParseStatus NextOfRedis(ReceiveBuffer& from, std::string& read) {
  RespReply reply;
  const ParseStatus status = NextReply(from, reply, {.max_line = 1024, .max_bulk = 4096});
  if (status == ParseStatus::kOk) {
    read.append(reply.text).append(std::to_string(reply.integer)).push_back('\n');
  }
  return status;
}

ParseStatus NextOfMemcached(ReceiveBuffer& from, std::string& read) {
  MetaReply reply;
  const ParseStatus status = NextMetaReply(from, reply);
  if (status == ParseStatus::kOk) {
    read.append(reply.text).append(std::to_string(reply.ttl)).push_back('\n');
  }
  return status;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::size_t piece = 1 + data[0] % 64;
  const std::string_view text = stoker::fuzz::Text(data + 1, size - 1);
  Hold(ReadAll(text, size, NextOfRedis) == ReadAll(text, piece, NextOfRedis),
       "RESP means the same, however cut");
  Hold(ReadAll(text, size, NextOfMemcached) == ReadAll(text, piece, NextOfMemcached),
       "meta replies mean the same, however cut");
  return 0;
}
