// Two controllers, one lease: what happens to a run when its leader dies, leaves, or freezes.

#include <gtest/gtest.h>

#include <csignal>

#include "tests/integration/reconcile/cluster.h"

namespace stoker::testing {
namespace {

using nlohmann::json;
using std::chrono::seconds;

constexpr std::chrono::milliseconds kTakeoverPoll{200};
constexpr int kEntries = 1200;
constexpr int kMaxInFlight = 20;

class Takeover : public ::testing::Test {
 protected:
  // A lease of each test's own: the one of a killed leader would hold up the next test.
  Takeover()
      : lease_("lease-" + std::to_string(std::hash<std::string>{}(
                              ::testing::UnitTest::GetInstance()->current_test_info()->name()))) {}
  void SetUp() override {
    first_ = std::make_unique<ControllerProcess>(lease_);
    ASSERT_TRUE(WaitFor([&] { return first_->Leads(); }, seconds(20), kTakeoverPoll))
        << first_->process().Output();
    second_ = std::make_unique<ControllerProcess>(lease_);
    shop_ = std::make_unique<Shop>();
    shop_->Apply(
        shop_->Policy("pages", kEntries, {{"pacing", {{"requestsPerSecond", 250}, {"burst", 1}}}}));
    ASSERT_TRUE(WaitFor([&] { return shop_->Keys() > 300; }, seconds(20), kTakeoverPoll))
        << first_->process().Output() << shop_->Get("wp", "pages").dump(2);
  }
  void TearDown() override {
    if (HasFailure()) {
      std::cerr << "first:\n"
                << first_->process().Output() << "\nsecond:\n"
                << second_->process().Output();
    }
  }
  // The run is completed by the second, and what was warm was not fetched again.
  void ExpectCompletedBySecond(int refetched) {
    ASSERT_TRUE(WaitFor([&] { return shop_->Condition("wp", "pages", "Warm") == "True/Warmed"; },
                        seconds(30), kTakeoverPoll))
        << shop_->Get("wp", "pages").dump(2);
    EXPECT_TRUE(second_->Leads());
    EXPECT_EQ(shop_->Keys(), kEntries);
    EXPECT_LE(shop_->Requests(), kEntries + refetched);
    const json status = shop_->Get("wp", "pages")["status"];
    EXPECT_EQ(status["lastRun"]["discovered"], kEntries);
  }

  const std::string lease_;
  std::unique_ptr<ControllerProcess> first_, second_;
  std::unique_ptr<Shop> shop_;
};

TEST_F(Takeover, AKilledLeadersRunIsResumedByTheNext) {
  first_->process().Signal(SIGKILL);
  ExpectCompletedBySecond(kMaxInFlight);
}

TEST_F(Takeover, ATerminatedLeaderHandsOverWithinThreeSeconds) {
  first_->process().Signal(SIGTERM);
  EXPECT_EQ(first_->process().Wait(seconds(10)), 0);
  EXPECT_TRUE(WaitFor([&] { return second_->Leads(); }, seconds(3), kTakeoverPoll));
  ExpectCompletedBySecond(0);
}

TEST_F(Takeover, AFrozenLeaderWritesNothingOnceWoken) {
  first_->process().Signal(SIGSTOP);
  ASSERT_TRUE(WaitFor([&] { return second_->Leads(); }, seconds(20), kTakeoverPoll));
  first_->process().Signal(SIGCONT);
  ExpectCompletedBySecond(kMaxInFlight);
  EXPECT_TRUE(first_->process().Running());
}

// All replicas are new and the Lease is gone: nobody remembers how far its leaders had counted.
TEST(LostLease, ARunIsResumedByAReplicaThatMakesTheLeaseAnew) {
  const std::string name = "lost-lease";
  const auto transitions = [&] {
    const CommandResult lease = Cluster().Kubectl(
        {"-n", "default", "get", "lease", name, "-o", "jsonpath={.spec.leaseTransitions}"});
    return lease.out;
  };
  const json old = {{"apiVersion", "coordination.k8s.io/v1"},
                    {"kind", "Lease"},
                    {"metadata", {{"name", name}, {"namespace", "default"}}},
                    {"spec", {{"leaseTransitions", 7}, {"leaseDurationSeconds", 1}}}};
  Cluster().MustKubectl({"apply", "-f", "-"}, old.dump());
  auto first = std::make_unique<ControllerProcess>(name);
  const Shop shop;
  shop.Apply(
      shop.Policy("pages", kEntries, {{"pacing", {{"requestsPerSecond", 250}, {"burst", 1}}}}));
  ASSERT_TRUE(WaitFor([&] { return shop.Keys() > 300; }, seconds(20), kTakeoverPoll))
      << first->process().Output() << shop.Get("wp", "pages").dump(2);
  EXPECT_EQ(transitions(), "8");
  first->process().Signal(SIGKILL);
  (void)first->process().Wait(seconds(10));
  Cluster().MustKubectl({"-n", "default", "delete", "lease", name});
  ControllerProcess second(name);
  EXPECT_TRUE(WaitFor([&] { return shop.Condition("wp", "pages", "Warm") == "True/Warmed"; },
                      seconds(30), kTakeoverPoll))
      << second.process().Output();
  EXPECT_EQ(transitions(), "9");
}

}  // namespace
}  // namespace stoker::testing
