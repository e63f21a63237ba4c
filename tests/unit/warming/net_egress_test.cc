#include <gtest/gtest.h>

#include "controller/warming/net/egress.h"

namespace stoker::warming {
namespace {

bool Allows(const EgressGuard& guard, const std::string& address) {
  return guard.Allows(asio::ip::make_address(address));
}

struct Case {
  const char* address;
  bool allowed;
};

class EgressDefaults : public ::testing::TestWithParam<Case> {};

TEST_P(EgressDefaults, RefuseWhatOnlyTheControllerCanReach) {
  const EgressGuard guard = *EgressGuard::Make(true, {}, {});
  EXPECT_EQ(Allows(guard, GetParam().address), GetParam().allowed) << GetParam().address;
}

INSTANTIATE_TEST_SUITE_P(
    Table, EgressDefaults,
    ::testing::Values(Case{"127.0.0.1", false}, Case{"127.255.255.254", false},
                      Case{"0.0.0.0", false}, Case{"169.254.169.254", false},
                      Case{"169.253.255.255", true}, Case{"169.255.0.0", true},
                      Case{"168.63.129.16", false}, Case{"168.63.129.17", true},
                      Case{"100.100.100.200", false}, Case{"::1", false}, Case{"::", false},
                      Case{"fe80::1", false}, Case{"febf::1", false}, Case{"fec0::1", true},
                      Case{"fd00:ec2::254", false}, Case{"fd00:ec2::253", true},
                      Case{"::ffff:127.0.0.1", false}, Case{"::ffff:169.254.169.254", false},
                      Case{"64:ff9b::a9fe:a9fe", false}, Case{"64:ff9b::808:808", true},
                      Case{"10.96.0.1", true}, Case{"2001:db8::1", true}, Case{"8.8.8.8", true}));

// Where clouds serve metadata and credentials: by their documentation, or by what other programs ask.
INSTANTIATE_TEST_SUITE_P(
    Metadata, EgressDefaults,
    ::testing::Values(Case{"169.254.169.254", false},    // AWS, GCP, Azure, Oracle, DigitalOcean...
                      Case{"169.254.170.2", false},      // AWS, containers
                      Case{"169.254.170.23", false},     // EKS, pods
                      Case{"fd00:ec2::254", false},      // AWS
                      Case{"fd00:ec2::23", false},       // EKS, pods
                      Case{"fd20:ce::254", false},       // GCP
                      Case{"168.63.129.16", false},      // Azure
                      Case{"100.100.100.200", false},    // Alibaba
                      Case{"fd00:100::100:200", false},  // Alibaba
                      Case{"192.0.0.192", false},        // Oracle, older
                      Case{"::ffff:192.0.0.192", false}, Case{"64:ff9b::192.0.0.192", false},
                      Case{"fd00:c1::a9fe:a9fe", false},  // Oracle
                      Case{"169.254.42.42", false},       // Scaleway
                      Case{"fd00:42::42", false},         // Scaleway
                      Case{"fd00:a9fe:a9fe::1", false},   // Akamai
                      Case{"fe80::a9fe:a9fe", false},     // OpenStack
                      Case{"192.0.0.193", true}, Case{"100.100.100.201", true},
                      Case{"fd20:ce::255", true}, Case{"fd00:c1::1", true}));

TEST(Egress, UnguardedAllowsAll) {
  const EgressGuard guard = *EgressGuard::Make(false, {"10.0.0.0/8"}, {});
  EXPECT_TRUE(Allows(guard, "127.0.0.1"));
  EXPECT_TRUE(Allows(guard, "10.1.2.3"));
}

TEST(Egress, DeniedRangesAreAddedAndAllowedOnesWin) {
  const EgressGuard guard =
      *EgressGuard::Make(true, {"10.96.0.1", "192.168.0.0/17", "2001:db8::/33"}, {"127.0.0.1"});
  EXPECT_FALSE(Allows(guard, "10.96.0.1"));
  EXPECT_FALSE(Allows(guard, "::ffff:10.96.0.1"));
  EXPECT_TRUE(Allows(guard, "10.96.0.2"));
  EXPECT_FALSE(Allows(guard, "192.168.127.255"));
  EXPECT_TRUE(Allows(guard, "192.168.128.0"));
  EXPECT_FALSE(Allows(guard, "2001:db8:7fff::1"));
  EXPECT_TRUE(Allows(guard, "2001:db8:8000::1"));
  EXPECT_TRUE(Allows(guard, "127.0.0.1"));
  EXPECT_FALSE(Allows(guard, "127.0.0.2"));
}

TEST(Egress, BadRangesAreNamed) {
  for (const char* bad :
       {"10.0.0.0/33", "10.0.0/8", "example.com", "::/129", "10.0.0.0/", "10.0.0.0/-1", ""}) {
    const auto made = EgressGuard::Make(true, {bad}, {});
    ASSERT_FALSE(made) << bad;
    EXPECT_EQ(made.error().code, Code::kInvalid);
    EXPECT_NE(made.error().message.find('"' + std::string(bad) + '"'), std::string::npos);
  }
}

}  // namespace
}  // namespace stoker::warming
