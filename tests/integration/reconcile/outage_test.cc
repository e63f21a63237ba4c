// The API server dies, or cannot read and write: nothing is lost, the controller does not exit, and
// it does not hammer whoever comes back.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "tests/integration/reconcile/cluster.h"
#include "tests/support/process_cost.h"

namespace stoker::testing {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kOutagePoll{300};
constexpr int kOutageEntries = 1500;
constexpr int kOutageRate = 100;  // a second
constexpr char kUserAgent[] = "stoker";

// What the controller logged: every request that fails, and every retry, says so.
int Lines(const std::string& log) { return static_cast<int>(std::ranges::count(log, '\n')); }

// Requests received by the API server, by the second and who asked; from its audit log.
std::map<std::string, int> RequestsBySecond(const std::string& user_agent) {
  std::istringstream log(ReadFile(AuditLog()));
  std::map<std::string, int> counts;
  for (std::string line; std::getline(log, line);) {
    const json event = json::parse(line, nullptr, false);
    if (!event.is_object() || event.value("stage", "") != "RequestReceived") continue;
    if (event.value("userAgent", "").find(user_agent) == std::string::npos) continue;
    ++counts[event.value("requestReceivedTimestamp", "").substr(0, 19)];
  }
  return counts;
}

struct Traffic {
  int total = 0;
  int most = 0;  // in one second
};

// Of the controllers, in the seconds that were not seen before.
Traffic TrafficSince(const std::map<std::string, int>& seen) {
  Traffic traffic;
  for (const auto& [second, count] : RequestsBySecond(kUserAgent)) {
    if (seen.contains(second)) continue;
    traffic.total += count;
    traffic.most = std::max(traffic.most, count);
  }
  return traffic;
}

class OutageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(WaitFor([&] { return controller_.Leads(); }, seconds(20), kOutagePoll));
    shop_.Apply(shop_.Policy("pages", kOutageEntries,
                             {{"pacing", {{"requestsPerSecond", kOutageRate}, {"burst", 1}}}}));
    ASSERT_TRUE(WaitFor([&] { return shop_.Keys() > 100; }, seconds(20), kOutagePoll));
  }
  void TearDown() override {
    if (HasFailure()) std::cerr << controller_.process().Output() << "\n";
  }
  void ExpectNothingLost() {
    EXPECT_TRUE(WaitFor([&] { return shop_.Condition("wp", "pages", "Warm") == "True/Warmed"; },
                        seconds(60), kOutagePoll))
        << shop_.Get("wp", "pages").dump(2);
    EXPECT_TRUE(controller_.process().Running());
    EXPECT_TRUE(controller_.Healthy());
    EXPECT_EQ(shop_.Keys(), kOutageEntries);
    const json status = shop_.Get("wp", "pages")["status"];
    EXPECT_EQ(status["lastRun"]["discovered"], kOutageEntries);
    EXPECT_LE(shop_.Requests(), kOutageEntries + 20) << "what is warm is not fetched again";
  }

  Shop shop_;
  // The lease that people have, and of this test alone: nobody releases a killed controller's.
  ControllerProcess controller_{
      std::string("outage-") +
          std::to_string(::testing::UnitTest::GetInstance()->current_test_info()->line()),
      {"--lease-duration=15s", "--lease-renew-deadline=10s", "--lease-retry-period=2s"}};
};

TEST_F(OutageTest, TheApiServerIsKilledAndComesBackDuringARun) {
  const double cpu = CostOf(controller_.process().pid()).cpu_seconds;
  Cluster().KillApiServer();
  const int before = shop_.Keys();
  const int said = Lines(controller_.process().Output());
  // Five seconds' worth of entries, which the data plane fetches all the same.
  EXPECT_TRUE(
      WaitFor([&] { return shop_.Keys() >= before + 5 * kOutageRate; }, seconds(20), kOutagePoll));
  const int complaints = Lines(controller_.process().Output()) - said;
  const int during = shop_.Keys();
  const auto seen = RequestsBySecond(kUserAgent);
  Cluster().RestartApiServer();
  ExpectNothingLost();
  const Traffic after = TrafficSince(seen);
  EXPECT_GE(complaints, 1);
  EXPECT_LE(complaints, 100) << "20 a second at most, of informers, elector and reconcilers";
  EXPECT_GT(during, before + 200) << "the data plane goes on";
  EXPECT_GE(after.total, 1);
  EXPECT_LE(after.most, 60) << "it does not hammer whoever comes back";
  std::cerr << "lines logged in 5 s without an API server: " << complaints
            << "; requests when it is "
            << "back: " << after.total << ", at most " << after.most
            << " in a second; CPU seconds: "
            << CostOf(controller_.process().pid()).cpu_seconds - cpu << "\n";
}

TEST_F(OutageTest, EtcdIsPausedForTwentySecondsDuringARun) {
  Cluster().PauseEtcd();
  const double cpu = CostOf(controller_.process().pid()).cpu_seconds;
  const auto seen = RequestsBySecond(kUserAgent);
  const auto ends = [this] { return !controller_.process().Running(); };
  EXPECT_FALSE(WaitFor(ends, seconds(20))) << "it bears the outage";
  const double spent = CostOf(controller_.process().pid()).cpu_seconds - cpu;
  Cluster().ResumeEtcd();
  const Traffic traffic = TrafficSince(seen);
  ExpectNothingLost();
  std::cerr << "etcd paused 20 s: " << traffic.total << " requests, at most " << traffic.most
            << " in a second; " << spent << " CPU seconds\n";
  EXPECT_GE(traffic.total, 1) << "nothing was counted";
  EXPECT_LE(traffic.total, 200);
  EXPECT_LE(traffic.most, 30);
  EXPECT_LT(spent, 4);
}

}  // namespace
}  // namespace stoker::testing
