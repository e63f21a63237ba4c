#include <gtest/gtest.h>

#include <string>

#include "controller/warming/target/pending_ring.h"
#include "controller/warming/target/resp.h"

namespace stoker::warming {
namespace {

using Type = RespReply::Type;

struct Whole {
  const char* bytes;
  Type type;
  const char* text;
  std::int64_t integer;
};

const Whole kReplies[] = {
    {"+OK\r\n", Type::kSimple, "OK", 0},
    {"+PONG\r\n", Type::kSimple, "PONG", 0},
    {"-OOM no\r\n", Type::kError, "OOM no", 0},
    {":1\r\n", Type::kInteger, "", 1},
    {":-2\r\n", Type::kInteger, "", -2},
    {"$-1\r\n", Type::kNil, "", 0},
    {"$0\r\n\r\n", Type::kBulk, "", 0},
    {"$5\r\na\r\nbc\r\n", Type::kBulk, "a\r\nbc", 0},
    {"*-1\r\n", Type::kNil, "", -1},
    {"*2\r\n", Type::kArray, "", 2},
};

TEST(ParseReply, NeedsEveryByteAndNoMore) {
  for (const Whole& whole : kReplies) {
    const std::string bytes = whole.bytes;
    for (std::size_t n = 0; n < bytes.size(); ++n) {
      RespReply reply;
      std::size_t used = 0;
      EXPECT_EQ(ParseReply(std::string_view(bytes).substr(0, n), {}, reply, used),
                ParseStatus::kMore)
          << bytes << n;
      EXPECT_GT(used, n);
    }
    RespReply reply;
    std::size_t used = 0;
    const std::string followed = bytes + "+NEXT\r\n";
    ASSERT_EQ(ParseReply(followed, {}, reply, used), ParseStatus::kOk) << bytes;
    EXPECT_EQ(used, bytes.size());
    EXPECT_EQ(reply.type, whole.type);
    EXPECT_EQ(reply.text, whole.text);
    if (whole.type != Type::kNil) EXPECT_EQ(reply.integer, whole.integer);
  }
}

TEST(ParseReply, RefusesWhatIsNotRespOrBeyondALimit) {
  const RespLimits limits{.max_line = 64, .max_bulk = 10, .max_array = 4};
  for (const std::string& bad :
       {std::string("HTTP/1.1 400\r\n"), std::string(":x\r\n"), std::string(":1 \r\n"),
        std::string("$-2\r\n"), std::string("$11\r\n"), std::string("$99999999999999999999\r\n"),
        std::string("*5\r\n"), std::string("*-2\r\n"), std::string("$2\r\nabXY"), std::string("\n"),
        std::string("+\n"), "+" + std::string(80, 'x')}) {
    RespReply reply;
    std::size_t used = 0;
    EXPECT_EQ(ParseReply(bad, limits, reply, used), ParseStatus::kBad) << bad;
  }
}

TEST(RespWriter, WritesTheCommandsThatRedisExpects) {
  SendBuffer out;
  RespWriter writer(out);
  writer.Set("k", "va\r\nl", 1500, true);
  EXPECT_EQ(
      out.view(),
      "*6\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nva\r\nl\r\n$2\r\nPX\r\n$4\r\n1500\r\n$2\r\nNX\r\n");
  out.Clear();
  writer.Set("k", "", 0, false);
  EXPECT_EQ(out.view(), "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n");
  out.Clear();
  writer.Command({"EXISTS", "k"});
  EXPECT_EQ(out.view(), "*2\r\n$6\r\nEXISTS\r\n$1\r\nk\r\n");
}

TEST(RespWriter, GrowsPastItsFirstBufferWithoutLosingAByte) {
  SendBuffer out;
  RespWriter writer(out);
  const std::string value(100'000, 'v');
  for (int i = 0; i < 5; ++i) writer.Set("key" + std::to_string(i), value, 1, false);
  std::size_t at = 0;
  for (int i = 0; i < 5; ++i) {
    at = out.view().find("key" + std::to_string(i), at);
    ASSERT_NE(at, std::string_view::npos);
    EXPECT_EQ(out.view().substr(at + 4, 11), "\r\n$100000\r\n");
    EXPECT_EQ(out.view().substr(at + 15, value.size()), value);
  }
}

TEST(PendingRing, KeepsOrderWhileItGrowsAndWraps) {
  PendingRing<int> ring;
  int in = 0;
  int out = 0;
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < 7 + round; ++i) ring.Push(in++);
    for (int i = 0; i < 5; ++i) ASSERT_EQ(ring.Pop(), out++);
  }
  while (!ring.empty()) ASSERT_EQ(ring.Pop(), out++);
  EXPECT_EQ(in, out);
}

}  // namespace
}  // namespace stoker::warming
