// A run outlives its leader, and a leader that was deposed does no harm.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>

#include "controller/base/clock.h"
#include "tests/cluster/quickstart.h"
#include "tests/cluster/replicas.h"

namespace stoker::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kInFlight = 20;
// What a host that is killed can lose: entries being fetched, and as many values on their way to
// the Redis. One that is told to end loses nothing.
constexpr int kLostByAKill = 2 * kInFlight;
constexpr char kController[] = "stoker-controller";

std::string NameOf(const nlohmann::json& object) { return object["metadata"].value("name", ""); }

nlohmann::json InProcess(int requests_per_second) {
  return Quickstart::Slow(requests_per_second, 20, kInFlight);
}

class LeaderTest : public QuickstartTest {
 protected:
  // The run that `leader` began was ended by another, and cost the origin next to nothing more.
  static void ExpectCompletedByAnother(Quickstart& quickstart, const std::string& what,
                                       int fetched_again = kLostByAKill) {
    ASSERT_TRUE(quickstart.BecomesWarm(seconds(90)));
    EXPECT_EQ(quickstart.RedisKeys(), kQuickstartEntries);
    ExpectExactTally(quickstart.Policy());
    const nlohmann::json jobs = quickstart.Jobs();
    ASSERT_EQ(jobs.size(), 1) << "a second run was begun";
    EXPECT_TRUE(WaitFor([&] { return Is(quickstart.Jobs()[0], "Complete"); }));
    const std::vector<Arrival> arrivals = quickstart.Arrivals();
    EXPECT_LE(AskedAgain(arrivals), fetched_again);
    EXPECT_LE(MostAtOnce(arrivals), kInFlight);
    Figure(what + ": entries fetched twice (maxInFlight 20)", AskedAgain(arrivals));
  }
};

TEST_F(LeaderTest, CrashedLeaderIsStartedAnewAndResumes) {
  const nlohmann::json leader = ReadyLeader();
  Quickstart quickstart("quickstart", InProcess(1000));
  ASSERT_TRUE(quickstart.Holds(kQuickstartEntries / 3));
  SignalPod(leader, kController, SIGKILL);
  ExpectCompletedByAnother(quickstart, "leader crashed");
}

TEST_F(LeaderTest, KilledLeaderIsFollowedByAnotherThatResumes) {
  const nlohmann::json leader = ReadyLeader();
  Quickstart quickstart("quickstart", InProcess(1000));
  ASSERT_TRUE(quickstart.Holds(kQuickstartEntries / 3));
  // Stopped first, so that it hears nothing of its pod's end; killed before the kubelet starts it
  // anew.
  SignalPod(leader, kController, SIGSTOP);
  const int pid = HostPid(leader["metadata"].value("uid", ""), kController);
  Kubectl({"-n", "stoker-system", "delete", "pod", NameOf(leader), "--grace-period=0", "--force"});
  kill(pid, SIGKILL);

  const auto next = NextLeader(NameOf(leader), seconds(40));
  ASSERT_TRUE(next.has_value()) << "nobody took over";
  ExpectCompletedByAnother(quickstart, "leader killed");
}

TEST_F(LeaderTest, LeaderThatIsToldToEndHandsOverWithinThreeSeconds) {
  const nlohmann::json leader = ReadyLeader();
  Quickstart quickstart("quickstart", InProcess(1000));
  ASSERT_TRUE(quickstart.Holds(kQuickstartEntries / 3));
  const WallTime told = SystemClock().Wall();
  SignalPod(leader, kController, SIGTERM);

  const auto next = NextLeader(NameOf(leader), seconds(20));
  ASSERT_TRUE(next.has_value()) << "nobody took over";
  const auto took = *ParseTime(next->acquired) - told;
  EXPECT_LE(took, seconds(3));
  Figure("leader told to end: next leader after ms",
         std::chrono::duration_cast<milliseconds>(took).count());
  ExpectCompletedByAnother(quickstart, "leader told to end", 0);
}

// What the pod wrote after `since`, and the API server took.
std::vector<std::string> AcceptedWrites(const std::string& pod, const std::string& since) {
  std::vector<std::string> writes;
  for (const AuditEvent& event : AuditLog()) {
    const bool reads = event.verb == "get" || event.verb == "list" || event.verb == "watch";
    if (event.pod != pod || event.time < since || reads || event.code >= 300) continue;
    writes.push_back(event.time + " " + event.verb + " " + event.resource + " " + event.name);
  }
  return writes;
}

bool AskedAnything(const std::string& pod, const std::string& since) {
  for (const AuditEvent& event : AuditLog()) {
    if (event.pod == pod && event.time > since) return true;
  }
  return false;
}

TEST_F(LeaderTest, LeaderThatSleptPastItsLeaseWritesNothingWhenItWakes) {
  const nlohmann::json leader = ReadyLeader();
  Quickstart quickstart("quickstart", InProcess(400));
  ASSERT_TRUE(quickstart.Holds(kQuickstartEntries / 10));
  SignalPod(leader, kController, SIGSTOP);
  const auto next = NextLeader(NameOf(leader), seconds(40));
  // The new leader is at work when the old one wakes up amid its own.
  const bool resumed = static_cast<bool>(quickstart.Holds(kQuickstartEntries / 4));
  const std::string woken = FormatMicroTime(SystemClock().Wall());
  SignalPod(leader, kController, SIGCONT);
  ASSERT_TRUE(next.has_value()) << "nobody took over";
  ASSERT_TRUE(resumed);

  ExpectCompletedByAnother(quickstart, "leader paused past its lease");
  EXPECT_TRUE(AskedAnything(NameOf(leader), woken)) << "it never woke";
  EXPECT_THAT(AcceptedWrites(NameOf(leader), next->acquired), ::testing::IsEmpty());
  const std::string address = leader["status"].value("podIP", "");
  const auto takeover = *ParseTime(next->acquired);
  int late = 0;
  for (const Arrival& arrival : quickstart.Arrivals()) {
    late += arrival.client == address && arrival.begun > takeover ? 1 : 0;
  }
  EXPECT_EQ(late, 0) << "the origin heard of a leader that was none";
  Figure("leader paused past its lease: requests to the origin after the take-over", late);
}

}  // namespace
}  // namespace stoker::testing
