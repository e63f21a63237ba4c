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

void ExpectTenThousandEntriesHeld(const Quickstart& quickstart) {
  EXPECT_EQ(quickstart.RedisKeys(), kQuickstartEntries);
  const auto [least, greatest] = quickstart.RedisTtls();
  EXPECT_GE(least, kHour - kSpread - kAge);
  EXPECT_LE(greatest, kHour + kSpread);
  EXPECT_GT(greatest - least, kSpread / 2) << "the jitter spreads nothing";
  EXPECT_EQ(quickstart.RedisCli({"--raw", "get", "product:4711"}), "value of /product:4711\n\n");
}

void ExpectExactTally(const nlohmann::json& policy) {
  const nlohmann::json progress = policy["status"]["progress"];
  EXPECT_EQ(progress.value("discovered", 0), kQuickstartEntries);
  EXPECT_EQ(
      progress.value("discovered", 0),
      progress.value("warmed", 0) + progress.value("skipped", 0) + progress.value("failed", 0))
      << progress;
}

// True where the Job's condition says so.
bool Is(const nlohmann::json& job, const std::string& condition) {
  for (const auto& held : job["status"].value("conditions", nlohmann::json::array())) {
    if (held["type"] == condition && held["status"] == "True") return true;
  }
  return false;
}

TEST(QuickstartTest, WarmsInTheControllerWithoutAPod) {
  Quickstart quickstart;
  ASSERT_TRUE(quickstart.BecomesWarm(seconds(120)));
  ExpectTenThousandEntriesHeld(quickstart);
  ExpectExactTally(quickstart.Policy());
  EXPECT_EQ(quickstart.Arrivals().size(), kQuickstartEntries);

  const nlohmann::json jobs = quickstart.Jobs();
  ASSERT_EQ(jobs.size(), 1) << jobs.dump(1);
  EXPECT_EQ(jobs[0]["spec"].value("managedBy", ""), "stoker.dev/in-process");
  EXPECT_TRUE(WaitFor([&] { return Is(quickstart.Jobs()[0], "Complete"); }));
  EXPECT_THAT(quickstart.WorkerPods(), ::testing::IsEmpty());
}

TEST(QuickstartTest, WarmsInThreeWorkerPods) {
  Quickstart quickstart("quickstart-pods");
  ASSERT_TRUE(quickstart.BecomesWarm(seconds(180)));
  ExpectTenThousandEntriesHeld(quickstart);
  ExpectExactTally(quickstart.Policy());
  EXPECT_EQ(quickstart.Arrivals().size(), kQuickstartEntries);

  const nlohmann::json jobs = quickstart.Jobs();
  ASSERT_EQ(jobs.size(), 1) << jobs.dump(1);
  EXPECT_EQ(jobs[0]["spec"].value("completions", 0), 3);
  EXPECT_TRUE(WaitFor([&] { return Is(quickstart.Jobs()[0], "Complete"); }));
  EXPECT_EQ(quickstart.WorkerPods().size(), 3);
}

}  // namespace
}  // namespace stoker::testing
