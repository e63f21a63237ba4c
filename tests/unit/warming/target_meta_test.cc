#include <gtest/gtest.h>

#include <cstring>

#include "controller/warming/target/memcached_pipeline.h"

namespace stoker::warming {
namespace {

using Type = MetaReply::Type;

std::string Written(std::string_view key, std::string_view value, std::int64_t expiry,
                    bool if_absent) {
  SendBuffer out;
  MetaWriter(out).Set(MetaKey(key), value, expiry, if_absent);
  return std::string(out.view());
}

void Give(ReceiveBuffer& buffer, std::string_view bytes) {
  while (!bytes.empty()) {
    const std::span<char> room = buffer.Room();
    const std::size_t size = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), size);
    buffer.Added(size);
    bytes.remove_prefix(size);
  }
}

TEST(MetaWriter, WritesTheCommandsThatMemcachedExpects) {
  EXPECT_EQ(Written("k", "va\r\nl", 90, true), "ms k 5 T90 ME\r\nva\r\nl\r\n");
  EXPECT_EQ(Written("k", "", 0, false), "ms k 0\r\n\r\n");
  EXPECT_EQ(Written("a b", "v", 0, false), "ms YSBi 1 b\r\nv\r\n");
  SendBuffer out;
  MetaWriter(out).Get(MetaKey("k"), false, false);
  MetaWriter(out).Get(MetaKey("a\n"), true, true);
  MetaWriter(out).Noop();
  EXPECT_EQ(out.view(), "mg k\r\nmg YQo= b t v\r\nmn\r\n");
}

struct KeyCase {
  std::string key;
  bool valid;
  bool binary;
};

TEST(MetaKey, GoesAsItIsOrAsBase64OrNotAtAll) {
  for (const KeyCase& c : {
           KeyCase{"product:1", true, false},
           KeyCase{"k\xC3\xA4se", true, false},
           KeyCase{std::string(250, 'k'), true, false},
           KeyCase{std::string(251, 'k'), false, false},
           KeyCase{"with space", true, true},
           KeyCase{std::string("nul\0", 4), true, true},
           KeyCase{"del\x7f", true, true},
           KeyCase{std::string(185, 'k') + " ", true, true},
           KeyCase{std::string(186, 'k') + " ", false, false},
           KeyCase{"", false, false},
       }) {
    const MetaKey key(c.key);
    EXPECT_EQ(key.valid(), c.valid) << c.key;
    EXPECT_EQ(key.binary(), c.binary) << c.key;
    if (c.valid) EXPECT_LE(key.token().size(), MetaKey::kMost);
    if (c.valid && !c.binary) EXPECT_EQ(key.token(), c.key);
  }
}

TEST(MetaKey, EncodesAsRfc4648) {
  EXPECT_EQ(MetaKey(" ").token(), "IA==");
  EXPECT_EQ(MetaKey(" f").token(), "IGY=");
  EXPECT_EQ(MetaKey(" fo").token(), "IGZv");
  EXPECT_EQ(MetaKey("\xff\xfe \x01").token(), "//4gAQ==");
}

TEST(ExpiryOf, CountsInSecondsAndBeyondThirtyDaysInTimeOfDay) {
  const WallTime now{std::chrono::seconds(1'800'000'000)};
  EXPECT_EQ(ExpiryOf(Millis(0), now), 0);
  EXPECT_EQ(ExpiryOf(Millis(1), now), 1);
  EXPECT_EQ(ExpiryOf(Millis(1'001), now), 2);
  EXPECT_EQ(ExpiryOf(std::chrono::hours(24 * 30), now), 2'592'000);
  EXPECT_EQ(ExpiryOf(std::chrono::hours(24 * 30) + Millis(1), now), 1'800'000'000 + 2'592'001);
}

TEST(MetaReply, ReadsEveryKind) {
  ReceiveBuffer buffer;
  Give(buffer,
       "HD\r\nHD t30\r\nEN\r\nNS\r\nMN\r\nVA 5 t-1 kx\r\nva\r\nl\r\nVA 0\r\n\r\nERROR\r\n"
       "SERVER_ERROR object too large for cache\r\nCLIENT_ERROR bad data chunk\r\n");
  struct Expected {
    Type type;
    std::string_view text;
    std::int64_t ttl;
  };
  for (const Expected& expected :
       {Expected{Type::kDone, "", -1}, Expected{Type::kDone, "", 30}, Expected{Type::kMiss, "", -1},
        Expected{Type::kNotStored, "", -1}, Expected{Type::kNoop, "", -1},
        Expected{Type::kValue, "va\r\nl", -1}, Expected{Type::kValue, "", -1},
        Expected{Type::kError, "ERROR", -1},
        Expected{Type::kError, "SERVER_ERROR object too large for cache", -1},
        Expected{Type::kError, "CLIENT_ERROR bad data chunk", -1}}) {
    MetaReply reply;
    ASSERT_EQ(NextMetaReply(buffer, reply), ParseStatus::kOk);
    EXPECT_EQ(reply.type, expected.type);
    EXPECT_EQ(reply.text, expected.text);
    EXPECT_EQ(reply.ttl, expected.ttl);
  }
  MetaReply reply;
  EXPECT_EQ(NextMetaReply(buffer, reply), ParseStatus::kMore);
}

TEST(MetaReply, PutsHalvesTogether) {
  const std::string bytes = "HD\r\nVA 5 t7\r\nhello\r\nEN\r\n";
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    ReceiveBuffer buffer;
    std::string seen;
    for (const std::string& half : {bytes.substr(0, cut), bytes.substr(cut)}) {
      Give(buffer, half);
      MetaReply reply;
      while (NextMetaReply(buffer, reply) == ParseStatus::kOk) {
        seen += std::to_string(static_cast<int>(reply.type)) + std::string(reply.text) + ";";
      }
    }
    EXPECT_EQ(seen, "0;3hello;2;") << "cut at " << cut;
  }
}

TEST(MetaReply, RefusesWhatIsNotMemcached) {
  for (const std::string& bad :
       {std::string("HTTP/1.1 400 Bad Request\r\n"), std::string("+OK\r\n"), std::string("HD\n"),
        std::string("\n"), std::string("VA x\r\n"), std::string("VA -1\r\n"),
        std::string("VA 99999999999999999999\r\n"), std::string("VA 2000000000\r\n"),
        std::string("VA 2\r\nabXY"), std::string("HD tx\r\n"), std::string("NF\r\n"),
        std::string(5000, 'x')}) {
    ReceiveBuffer buffer;
    Give(buffer, bad);
    MetaReply reply;
    EXPECT_EQ(NextMetaReply(buffer, reply), ParseStatus::kBad) << bad.substr(0, 40);
  }
}

struct LineCase {
  const char* line;
  const char* reason;
  bool retryable;
  bool whole_target;
};

TEST(MemcachedErrors, EachLineHasItsOwnMeaning) {
  for (const LineCase& c :
       {LineCase{"SERVER_ERROR object too large for cache", "ValueTooLarge", false, false},
        LineCase{"SERVER_ERROR out of memory storing object", "TargetOutOfMemory", false, true},
        LineCase{"SERVER_ERROR temporary failure", "TargetUnavailable", true, false},
        LineCase{"CLIENT_ERROR bad command line format", "TargetRejected", false, false},
        LineCase{"CLIENT_ERROR unauthenticated", "TargetAuth", false, true},
        LineCase{"ERROR", "TargetRejected", false, true}}) {
    const TargetError error = FromMemcachedLine("m:11211", c.line);
    EXPECT_EQ(error.reason, c.reason) << c.line;
    EXPECT_EQ(error.retryable, c.retryable) << c.line;
    EXPECT_EQ(error.whole_target, c.whole_target) << c.line;
    EXPECT_EQ(error.message.find("m:11211"), 0U) << error.message;
  }
}

}  // namespace
}  // namespace stoker::warming
