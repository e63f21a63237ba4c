// `kubectl delete job` ends a run, and the origin has peace within a second.
#include <gtest/gtest.h>

#include <chrono>
#include <sstream>

#include "controller/base/clock.h"
#include "tests/cluster/quickstart.h"
#include "tests/support/paths.h"

namespace stoker::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class CancelTest : public QuickstartTest {
 protected:
  // Deletes the Job of the policy's only run as kubectl delete job does, but without its asking
  // around first; `began` is a moment before the server heard of it.
  static void DeleteRun(const Quickstart& quickstart, OriginTime& began) {
    const nlohmann::json jobs = quickstart.Jobs();
    ASSERT_EQ(jobs.size(), 1);
    const std::string path = std::string("/apis/batch/v1/namespaces/") + Quickstart::kNamespace +
                             "/jobs/" + jobs[0]["metadata"].value("name", "") +
                             "?propagationPolicy=Background";
    began = OriginNow();
    const CommandResult deleted = Kubectl({"delete", "--raw", path});
    ASSERT_EQ(deleted.exit_code, 0) << deleted.err;
  }

  // The origin heard nothing later than a second after `ended`, although much was left to do.
  static void ExpectPeaceAfter(OriginTime ended, const Quickstart& quickstart,
                               const std::string& what) {
    ASSERT_TRUE(WaitFor([&] { return OriginNow() > ended + seconds(3); }));
    const std::vector<Arrival> arrivals = quickstart.Arrivals();
    const auto after = LastBegun(arrivals) - ended;
    EXPECT_LE(after, seconds(1));
    EXPECT_LT(arrivals.size(), kQuickstartEntries) << "it was over already";
    Figure(what + ": last request to the origin after ms", after.count());
  }

  static void ExpectCancelled(const Quickstart& quickstart) {
    EXPECT_TRUE(WaitFor([&] {
      return quickstart.Policy()["status"].value("/lastRun/result"_json_pointer, "") == "Cancelled";
    })) << quickstart.Policy()["status"].dump(1);
    EXPECT_FALSE(Is(quickstart.Policy(), "Warm"));
    EXPECT_TRUE(Is(quickstart.Policy(), "Ready"));
  }
};

TEST_F(CancelTest, DeletingTheJobOfAnInProcessRunEndsItWithinASecond) {
  Quickstart quickstart("quickstart", Quickstart::Slow(500, 20, 20));
  ASSERT_TRUE(quickstart.Holds(1500));
  OriginTime began;
  DeleteRun(quickstart, began);
  ExpectPeaceAfter(began, quickstart, "job deleted, in-process");
  ExpectCancelled(quickstart);
}

// When the last of the workers was told to end, by their own logs.
OriginTime LastTold(const std::string& logs) {
  OriginTime last;
  std::istringstream lines(logs);
  for (std::string line; std::getline(lines, line);) {
    const auto entry = nlohmann::json::parse(line, nullptr, false);
    if (!entry.is_object() || !entry.value("msg", "").starts_with("stopping")) continue;
    const auto time = ParseTime(entry.value("time", ""));
    if (time) last = std::max(last, std::chrono::floor<milliseconds>(*time));
  }
  return last;
}

TEST_F(CancelTest, DeletingTheJobOfWorkerPodsEndsThemWithinASecondOfSigterm) {
  Quickstart quickstart("quickstart-pods", Quickstart::Slow(500, 20, 24));
  ASSERT_TRUE(quickstart.Holds(1500));
  const TempDir folder;
  const Process logs(
      {SourceDir() + "/tests/cluster/cluster", "kubectl", "-n", Quickstart::kNamespace, "logs",
       "-f", "-l", "stoker.dev/policy=quickstart", "--max-log-requests=9"},
      folder.path() + "/logs");
  ASSERT_TRUE(WaitFor([&] { return logs.Output().find("run started") != std::string::npos; }));
  OriginTime began;
  DeleteRun(quickstart, began);
  ASSERT_TRUE(WaitFor([&] { return quickstart.WorkerPods().empty(); })) << logs.Output();
  const OriginTime told = LastTold(logs.Output());
  ASSERT_GT(told, OriginTime()) << logs.Output();
  ExpectPeaceAfter(told, quickstart, "job deleted, pods, after SIGTERM");
  ExpectCancelled(quickstart);
}

}  // namespace
}  // namespace stoker::testing
