#include <gtest/gtest.h>

#include "controller/warming/net/connect.h"
#include "controller/warming/net/loop_pool.h"
#include "controller/warming/net/tls.h"

namespace stoker::warming {
namespace {

TEST(ParseHostPort, TakesNamesAndBothAddressFamilies) {
  const auto name = ParseHostPort("redis.shop:6380");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->host, "redis.shop");
  EXPECT_EQ(name->port, "6380");
  const auto v6 = ParseHostPort("[2001:db8::1]:6379");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->host, "2001:db8::1");
  const auto defaulted = ParseHostPort("redis", "6379");
  ASSERT_TRUE(defaulted);
  EXPECT_EQ(defaulted->port, "6379");
  EXPECT_EQ(ParseHostPort("[::1]", "1")->port, "1");
}

TEST(ParseHostPort, RefusesWhatIsNotAnAddress) {
  for (const char* bad :
       {"", ":6379", "redis", "redis:", "redis:0", "redis:65536", "redis:6379x", "::1", "[::1",
        "[redis]:1", "[::1]6379", "re dis:1", "user@redis:1", "redis/0:1"}) {
    EXPECT_FALSE(ParseHostPort(bad)) << bad;
  }
}

TEST(TlsContext, SaysWhatDoesNotParse) {
  const auto ca = TlsContext::Make({.ca_pem = "nonsense"});
  ASSERT_FALSE(ca);
  EXPECT_EQ(ca.error().code, Code::kInvalid);
  EXPECT_NE(ca.error().message.find("CA certificate does not parse"), std::string::npos);
  const auto lonely = TlsContext::Make({.cert_pem = "x"});
  ASSERT_FALSE(lonely);
  EXPECT_NE(lonely.error().message.find("without its private key"), std::string::npos);
  const auto cert = TlsContext::Make({.cert_pem = "x", .key_pem = "secret-bytes"});
  ASSERT_FALSE(cert);
  EXPECT_EQ(cert.error().message.find("secret-bytes"), std::string::npos);
  EXPECT_TRUE(TlsContext::Make({}));
}

TEST(LoopPool, HasAtLeastOneLoopAndWrapsIndices) {
  EXPECT_GE(AvailableCores(), 1);
  LoopPool pool(2);
  EXPECT_EQ(pool.size(), 2);
  EXPECT_EQ(&pool.Loop(0), &pool.Loop(2));
  EXPECT_NE(&pool.Loop(0), &pool.Loop(1));
  pool.Stop();
}

}  // namespace
}  // namespace stoker::warming
