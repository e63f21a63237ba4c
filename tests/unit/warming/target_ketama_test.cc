#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "controller/warming/target/ketama.h"

namespace stoker::warming {
namespace {

const std::vector<std::string> kServers = {"127.0.0.1:21211", "127.0.0.1:21212", "127.0.0.1:21213",
                                           "127.0.0.1:11211"};

struct Owned {
  const char* key;
  const char* of_three;
  const char* of_four;
};

// Where libmemcached 1.1.4 (by pylibmc 1.6.3, ketama_weighted) put the keys on real servers.
constexpr Owned kOwned[] = {
    {"a", "21211", "21211"},         {"b", "21213", "21213"},
    {"product:1", "21211", "21211"}, {"product:2", "21211", "21211"},
    {"product:3", "21212", "11211"}, {"session:42", "21211", "21211"},
    {"k7", "21213", "11211"},        {"k8", "21211", "21211"},
    {"k9", "21212", "21212"},        {"user:1000", "21211", "21211"},
    {"user:1001", "21213", "21213"}, {"page:/index.html", "21212", "21212"},
};

TEST(Ketama, AgreesWithLibmemcached) {
  const Ketama three({kServers.begin(), kServers.begin() + 3});
  const Ketama four(kServers);
  for (const Owned& owned : kOwned) {
    EXPECT_EQ(kServers[three.ServerOf(owned.key)], std::string("127.0.0.1:") + owned.of_three)
        << owned.key;
    EXPECT_EQ(kServers[four.ServerOf(owned.key)], std::string("127.0.0.1:") + owned.of_four)
        << owned.key;
  }
}

// The same client's counts for "key:0" to "key:999".
TEST(Ketama, SpreadsKeysAsLibmemcachedDoes) {
  const Ketama ring(kServers);
  std::map<std::string, int> counts;
  for (int i = 0; i < 1000; ++i) {
    ++counts[kServers[ring.ServerOf("key:" + std::to_string(i))]];
  }
  const std::map<std::string, int> expected = {{"127.0.0.1:21211", 290},
                                               {"127.0.0.1:21212", 228},
                                               {"127.0.0.1:21213", 251},
                                               {"127.0.0.1:11211", 231}};
  EXPECT_EQ(counts, expected);
}

TEST(Ketama, TheOrderOfTheListDoesNotMatter) {
  std::vector<std::string> reversed(kServers.rbegin(), kServers.rend());
  const Ketama ring(kServers);
  const Ketama other(reversed);
  for (int i = 0; i < 1000; ++i) {
    const std::string key = "key:" + std::to_string(i);
    EXPECT_EQ(kServers[ring.ServerOf(key)], reversed[other.ServerOf(key)]);
  }
}

TEST(Ketama, AServerThatLeavesMovesOnlyItsOwnKeys) {
  const Ketama four(kServers);
  const Ketama three({kServers.begin(), kServers.begin() + 3});
  for (int i = 0; i < 1000; ++i) {
    const std::string key = "key:" + std::to_string(i);
    if (four.ServerOf(key) != 3) EXPECT_EQ(four.ServerOf(key), three.ServerOf(key)) << key;
  }
}

}  // namespace
}  // namespace stoker::warming
