#include <gtest/gtest.h>

#include "controller/warming/target/redis_slot.h"
#include "controller/warming/target/redis_topology.h"

namespace stoker::warming {
namespace {

using Type = RespReply::Type;

// As CLUSTER KEYSLOT answers.
TEST(RedisSlot, AgreesWithRedis) {
  struct Case {
    const char* key;
    std::uint16_t slot;
  };
  for (const Case& c : {Case{"foo", 12182}, Case{"bar", 5061}, Case{"123456789", 12739},
                        Case{"{foo}bar", 12182}, Case{"x{foo}{bar}", 12182}, Case{"hello", 866},
                        Case{"{user1000}.following", 3443}, Case{"{user1000}.followers", 3443},
                        Case{"foo{{bar}}zap", 4015}, Case{"foo{}{bar}", 8363}}) {
    EXPECT_EQ(SlotOf(c.key), c.slot) << c.key;
  }
  EXPECT_EQ(SlotOf("user1000"), SlotOf("{user1000}.following"));
  EXPECT_NE(SlotOf("{}a"), SlotOf("{}b")) << "an empty tag is none";
}

struct RedirectCase {
  const char* text;
  bool valid;
  bool ask;
  std::uint16_t slot;
  const char* address;
};

TEST(ParseRedirect, ReadsWhatNodesSay) {
  for (const RedirectCase& c : {
           RedirectCase{"MOVED 3999 127.0.0.1:6381", true, false, 3999, "127.0.0.1:6381"},
           RedirectCase{"ASK 16383 redis-2.shop:6379", true, true, 16383, "redis-2.shop:6379"},
           RedirectCase{"MOVED 0 :6381", true, false, 0, "asked:6381"},
           RedirectCase{"MOVED 1 fd00::5:6381", true, false, 1, "[fd00::5]:6381"},
           RedirectCase{"MOVED 1 [fd00::5]:6381", true, false, 1, "[fd00::5]:6381"},
           RedirectCase{"MOVED 16384 a:1", false, false, 0, ""},
           RedirectCase{"MOVED -1 a:1", false, false, 0, ""},
           RedirectCase{"MOVED 1 a:0", false, false, 0, ""},
           RedirectCase{"MOVED 1 a:65536", false, false, 0, ""},
           RedirectCase{"MOVED 1 a", false, false, 0, ""},
           RedirectCase{"MOVED 1", false, false, 0, ""},
           RedirectCase{"MOVED 1 ?:6379", false, false, 0, ""},
           RedirectCase{"MOVED", false, false, 0, ""},
           RedirectCase{"ERR unknown command", false, false, 0, ""},
           RedirectCase{"", false, false, 0, ""},
       }) {
    const auto redirect = ParseRedirect(c.text, "asked");
    ASSERT_EQ(redirect.has_value(), c.valid) << c.text;
    if (!c.valid) continue;
    EXPECT_EQ(redirect->ask, c.ask) << c.text;
    EXPECT_EQ(redirect->slot, c.slot) << c.text;
    EXPECT_EQ(redirect->address, c.address) << c.text;
  }
}

RespValue Number(std::int64_t number) { return {Type::kInteger, "", number, {}}; }
RespValue Text(const std::string& text) { return {Type::kBulk, text, 0, {}}; }
RespValue List(std::vector<RespValue> items) {
  const auto size = static_cast<std::int64_t>(items.size());
  return {Type::kArray, "", size, std::move(items)};
}

TEST(ReadClusterSlots, TakesThePrimariesAndKnowsTheirHosts) {
  const RespValue answer = List({
      List({Number(0), Number(5460), List({Text("10.0.0.1"), Number(6379), Text("id"), List({})}),
            List({Text("10.0.0.4"), Number(6379)})}),
      List({Number(5461), Number(10922), List({RespValue{}, Number(6380)})}),
      List({Number(10923), Number(16383), List({Text("fd00::5"), Number(6379)})}),
      List({Number(7), Number(7), List({Text("?"), Number(6379)})}),
  });
  const auto layout = ReadClusterSlots(answer, "asked");
  ASSERT_TRUE(layout);
  ASSERT_EQ(layout->ranges.size(), 3U);
  EXPECT_EQ(layout->ranges[0].address, "10.0.0.1:6379");
  EXPECT_EQ(layout->ranges[0].last, 5460);
  EXPECT_EQ(layout->ranges[1].address, "asked:6380");
  EXPECT_EQ(layout->ranges[2].address, "[fd00::5]:6379");
}

TEST(ReadClusterSlots, RefusesWhatIsNoLayout) {
  for (const RespValue& bad :
       {Text("OK"), List({Text("x")}), List({List({Number(0), Number(16384), List({})})}),
        List({List({Number(-1), Number(1), List({Text("a"), Number(1)})})}),
        List({List({Number(0), Number(1), List({Text("a")})})}),
        List({List({Number(0), Number(1), List({Text("a"), Text("1")})})})}) {
    EXPECT_FALSE(ReadClusterSlots(bad, "asked"));
  }
}

}  // namespace
}  // namespace stoker::warming
