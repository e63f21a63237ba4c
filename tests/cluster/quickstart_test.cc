// examples/quickstart does what it says, in the controller and in worker pods.
#include "tests/cluster/quickstart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace stoker::testing {
namespace {

using std::chrono::seconds;

constexpr int kHour = 3600;
constexpr int kSpread = kHour / 10;  // ttlJitterPercent: 10
constexpr int kAge = 300;            // the oldest entry when the test asks
constexpr int kRate = 1000, kBurst = 50, kInFlight = 20;

void ExpectTenThousandEntriesHeld(const Quickstart& quickstart) {
  EXPECT_EQ(quickstart.RedisKeys(), kQuickstartEntries);
  const auto [least, greatest] = quickstart.RedisTtls();
  EXPECT_GE(least, kHour - kSpread - kAge);
  EXPECT_LE(greatest, kHour + kSpread);
  Figure("TTLs of 1h +-10 %, seconds", std::to_string(least) + " to " + std::to_string(greatest));
  EXPECT_GT(greatest - least, kSpread / 2) << "the jitter spreads nothing";
  EXPECT_EQ(quickstart.RedisCli({"--raw", "get", "product:4711"}), "value of /product:4711\n\n");
}

// Each entry was fetched once, within the policy's pacing.
void ExpectOriginSpared(const std::vector<Arrival>& arrivals, const std::string& where) {
  EXPECT_EQ(arrivals.size(), kQuickstartEntries);
  EXPECT_EQ(AskedAgain(arrivals), 0);
  // What is in flight when a second begins was sent before it.
  EXPECT_LE(MostInASecond(arrivals), kRate + kBurst + kInFlight);
  EXPECT_LE(MostAtOnce(arrivals), kInFlight);
  Figure("1000/s, burst 50, " + where + ": most arrivals in a second", MostInASecond(arrivals));
}

void ExpectApplyingAgainChangesNothing(const Quickstart& quickstart) {
  ASSERT_TRUE(WaitFor([&] { return quickstart.Policy()["status"]["activeRun"].is_null(); }));
  const nlohmann::json before = quickstart.Policy();
  const CommandResult again = ApplyFolder("tests/cluster/quickstart");
  ASSERT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(quickstart.Policy()["metadata"], before["metadata"]);
  EXPECT_EQ(quickstart.Jobs().size(), 1);
}

TEST_F(QuickstartTest, WarmsInTheControllerWithoutAPod) {
  Quickstart quickstart;
  ASSERT_TRUE(quickstart.BecomesWarm(seconds(120)));
  ExpectTenThousandEntriesHeld(quickstart);
  ExpectExactTally(quickstart.Policy());
  ExpectOriginSpared(quickstart.Arrivals(), "in-process");

  const nlohmann::json jobs = quickstart.Jobs();
  ASSERT_EQ(jobs.size(), 1) << jobs.dump(1);
  EXPECT_EQ(jobs[0]["spec"].value("managedBy", ""), "stoker.dev/in-process");
  EXPECT_TRUE(WaitFor([&] { return Is(quickstart.Jobs()[0], "Complete"); }));
  EXPECT_THAT(quickstart.WorkerPods(), ::testing::IsEmpty());
  ExpectApplyingAgainChangesNothing(quickstart);
}

TEST_F(QuickstartTest, WarmsInThreeWorkerPods) {
  Quickstart quickstart("quickstart-pods");
  ASSERT_TRUE(quickstart.BecomesWarm(seconds(180)));
  ExpectTenThousandEntriesHeld(quickstart);
  ExpectExactTally(quickstart.Policy());
  ExpectOriginSpared(quickstart.Arrivals(), "3 workers");

  const nlohmann::json jobs = quickstart.Jobs();
  ASSERT_EQ(jobs.size(), 1) << jobs.dump(1);
  EXPECT_EQ(jobs[0]["spec"].value("completions", 0), 3);
  EXPECT_TRUE(WaitFor([&] { return Is(quickstart.Jobs()[0], "Complete"); }));
  EXPECT_EQ(quickstart.WorkerPods().size(), 3);
}

}  // namespace
}  // namespace stoker::testing
