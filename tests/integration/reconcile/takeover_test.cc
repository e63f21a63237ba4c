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

}  // namespace
}  // namespace stoker::testing
