#include <gtest/gtest.h>

#include "controller/warming/origin/http_hosts.h"

namespace stoker::warming {
namespace {

Url At(const std::string& host) { return *ParseUrl("http://" + host + "/"); }

TEST(HttpHosts, ForgetsTheHostThatWasNotUsedForLongest) {
  const HttpClientOptions options;
  HttpHosts hosts(options);
  const auto first = *hosts.Find(At("first"));
  const auto second = *hosts.Find(At("second"));
  EXPECT_EQ(*hosts.Find(At("first")), first);
  for (std::size_t i = 2; i <= HttpHosts::kMaxHosts; ++i)
    (void)hosts.Find(At("h" + std::to_string(i)));
  EXPECT_EQ(hosts.size(), HttpHosts::kMaxHosts);
  EXPECT_EQ(*hosts.Find(At("first")), first);
  EXPECT_NE(*hosts.Find(At("second")), second);
}

TEST(HttpHosts, StrangersSeeNoHeaderThatMayBeSecret) {
  HttpClientOptions options;
  options.headers = {
      {"Authorization", "Bearer hunter2"}, {"Accept-Language", "de"}, {"Host", "shop"}};
  HttpHosts hosts(options);
  const auto host = *hosts.Find(At("h:81"));
  EXPECT_NE(host->tail.find("hunter2"), std::string::npos);
  EXPECT_NE(host->tail.find("Host: shop\r\n"), std::string::npos);
  EXPECT_EQ(host->tail_for_strangers.find("hunter2"), std::string::npos);
  EXPECT_NE(host->tail_for_strangers.find("Host: h:81\r\n"), std::string::npos);
  EXPECT_NE(host->tail_for_strangers.find("Accept-Language: de\r\n"), std::string::npos);
}

TEST(HttpHosts, StrangersAreNotGreetedWithTheOriginsTls) {
  HttpClientOptions options;
  options.tls = *TlsContext::Make({.insecure_skip_verify = true});
  HttpHosts hosts(options);
  const Url url = *ParseUrl("https://shop/");
  const auto origin = *hosts.Find(url);
  const auto stranger = *hosts.Find(url, false);
  EXPECT_EQ(origin->endpoint.tls, options.tls);
  ASSERT_NE(stranger->endpoint.tls, nullptr);
  EXPECT_FALSE(stranger->endpoint.tls->options().insecure_skip_verify);
  EXPECT_NE(origin, stranger) << "they share no connection";
}

}  // namespace
}  // namespace stoker::warming
