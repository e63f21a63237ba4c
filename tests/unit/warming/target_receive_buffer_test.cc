#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "controller/warming/target/resp.h"

namespace stoker::warming {
namespace {

void Feed(ReceiveBuffer& reader, std::string_view bytes) {
  while (!bytes.empty()) {
    const std::span<char> room = reader.Room();
    ASSERT_FALSE(room.empty());
    const std::size_t size = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), size);
    reader.Added(size);
    bytes.remove_prefix(size);
    RespReply reply;
    if (!bytes.empty()) ASSERT_EQ(NextReply(reader, reply), ParseStatus::kMore);
  }
}

TEST(ReceiveBuffer, PutsHalvesTogether) {
  const std::string bytes = "+OK\r\n$5\r\nhello\r\n:7\r\n";
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    ReceiveBuffer reader;
    std::string seen;
    for (const std::string& half : {bytes.substr(0, cut), bytes.substr(cut)}) {
      Feed(reader, half);
      RespReply reply;
      while (NextReply(reader, reply) == ParseStatus::kOk) {
        seen += reply.type == RespReply::Type::kInteger ? std::to_string(reply.integer)
                                                        : std::string(reply.text);
      }
    }
    EXPECT_EQ(seen, "OKhello7") << "cut at " << cut;
  }
}

TEST(ReceiveBuffer, GrowsWithWhatComesAndNotWithWhatIsPromised) {
  ReceiveBuffer reader;
  RespReply reply;
  Feed(reader, "$500000000\r\nabc");
  EXPECT_EQ(NextReply(reader, reply), ParseStatus::kMore);
  EXPECT_LE(reader.Room().size(), std::size_t{128} << 10);
}

TEST(ReceiveBuffer, GivesALargeBufferBack) {
  ReceiveBuffer reader;
  const std::string large(3 << 20, 'L');
  Feed(reader, "$" + std::to_string(large.size()) + "\r\n" + large + "\r\n");
  RespReply reply;
  ASSERT_EQ(NextReply(reader, reply), ParseStatus::kOk);
  EXPECT_EQ(reply.text, large);
  ASSERT_EQ(NextReply(reader, reply), ParseStatus::kMore);
  EXPECT_LE(reader.Room().size(), std::size_t{64} << 10);
}

TEST(ReceiveBuffer, GarbageStaysGarbage) {
  ReceiveBuffer reader;
  Feed(reader, "SSH-2.0-OpenSSH_9.2\r\n");
  RespReply reply;
  EXPECT_EQ(NextReply(reader, reply), ParseStatus::kBad);
  reader.Reset();
  Feed(reader, "+OK\r\n");
  EXPECT_EQ(NextReply(reader, reply), ParseStatus::kOk);
}

}  // namespace
}  // namespace stoker::warming
