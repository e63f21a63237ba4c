#include "cmd/stoker-controller/api_server_addresses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stoker::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ApiServerAddresses, TheHostOfAnyFormOfAddress) {
  const std::pair<const char*, const char*> table[] = {
      {"https://10.0.0.1:6443", "10.0.0.1"},
      {"https://api.example.org", "api.example.org"},
      {"https://api.example.org/clusters/c-1", "api.example.org"},
      {"https://[fd00::1]:6443/", "fd00::1"},
      {"10.0.0.1:6443", "10.0.0.1"},
      {"[fd00::1]:6443", "fd00::1"},
  };
  for (const auto& [url, host] : table) EXPECT_EQ(HostOf(url), host) << url;
}

TEST(ApiServerAddresses, WhatTheServerSaysOfItself) {
  EXPECT_THAT(
      AdvertisedHosts(R"({"kind":"APIVersions","versions":["v1"],"serverAddressByClientCIDRs":
      [{"clientCIDR":"0.0.0.0/0","serverAddress":"192.0.2.7:6443"},
       {"clientCIDR":"::/0","serverAddress":"[2001:db8::7]:6443"}]})"),
      ElementsAre("192.0.2.7", "2001:db8::7"));
}

TEST(ApiServerAddresses, WhatIsNoAnswerSaysNothing) {
  for (const char* body : {"", "[]", "{}", "<html>", R"({"serverAddressByClientCIDRs":{}})",
                           R"({"serverAddressByClientCIDRs":[1,{},{"serverAddress":2}]})"}) {
    EXPECT_THAT(AdvertisedHosts(body), IsEmpty()) << body;
  }
}

}  // namespace
}  // namespace stoker::controller
