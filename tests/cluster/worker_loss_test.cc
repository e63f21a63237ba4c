// A worker pod dies midway: what it had warmed is not fetched again, and the origin is spared all
// along.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>

#include "tests/cluster/quickstart.h"
#include "tests/cluster/replicas.h"

namespace stoker::testing {
namespace {

using std::chrono::seconds;

constexpr int kWorkers = 3;
constexpr int kJitter =
    5;  // arrivals more than the bound: the network may bunch what was sent apart

void KillOneOf(const nlohmann::json& pods) {
  const auto running = std::ranges::find_if(
      pods, [](const auto& pod) { return pod["status"].value("phase", "") == "Running"; });
  ASSERT_NE(running, pods.end()) << pods.dump(1);
  SignalPod(*running, "stoker-worker", SIGKILL);
}

TEST_F(QuickstartTest, KilledWorkerIsReplacedAndOnlyWhatIsLeftIsFetchedAtTheSameRate) {
  constexpr int kRate = 500, kBurst = 30, kInFlight = 24;
  Quickstart quickstart("quickstart-pods", Quickstart::Slow(kRate, kBurst, kInFlight));
  ASSERT_TRUE(WaitFor([&] {
    const nlohmann::json status = quickstart.Policy()["status"];
    return status.contains("activeRun") && status.value("/progress/warmed"_json_pointer, 0) > 0;
  })) << "nobody reads /progress of the workers: "
      << quickstart.Policy()["status"].dump(1);
  ASSERT_TRUE(quickstart.Holds(kQuickstartEntries / 3));
  KillOneOf(quickstart.WorkerPods());
  ASSERT_TRUE(quickstart.BecomesWarm(seconds(120)));

  EXPECT_EQ(quickstart.RedisKeys(), kQuickstartEntries);
  ExpectExactTally(quickstart.Policy());
  EXPECT_GT(quickstart.Policy()["status"]["progress"].value("skipped", 0), 0)
      << "the replacement found nothing warm";
  EXPECT_EQ(quickstart.WorkerPods().size(), kWorkers + 1);

  const std::vector<Arrival> arrivals = quickstart.Arrivals();
  EXPECT_LE(AskedAgain(arrivals), kInFlight / kWorkers);
  EXPECT_LE(MostInASecond(arrivals), kRate + kBurst + kJitter);
  EXPECT_LE(MostAtOnce(arrivals), kInFlight);
  Figure("worker killed: entries fetched twice (8 in flight a worker)", AskedAgain(arrivals));
  Figure("500/s, burst 30, 3 workers, one replaced: most arrivals in a second",
         MostInASecond(arrivals));
  Figure("maxInFlight 24, 3 workers, one replaced: most at once", MostAtOnce(arrivals));
}

TEST_F(QuickstartTest, WorkersTogetherNeverHaveMoreInFlightThanAllowed) {
  constexpr int kInFlight = 6;
  nlohmann::json patch = Quickstart::Slow(10'000, 10, kInFlight);
  patch["spec"]["sources"] = {{{"name", "products"},
                               {"pattern",
                                {{"template", "product:{id}"},
                                 {"variables", {{{"name", "id"}, {"from", 1}, {"to", 1000}}}}}}}};
  Quickstart quickstart("quickstart-pods", patch);
  ASSERT_TRUE(quickstart.BecomesWarm(seconds(60)));
  const std::vector<Arrival> arrivals = quickstart.Arrivals();
  EXPECT_EQ(arrivals.size(), 1000);
  EXPECT_LE(MostAtOnce(arrivals), kInFlight);
  EXPECT_GE(MostAtOnce(arrivals), kInFlight - 1) << "the bound was never tried";
  Figure("maxInFlight 6 over 3 workers, origin at its limit: most at once", MostAtOnce(arrivals));
}

}  // namespace
}  // namespace stoker::testing
