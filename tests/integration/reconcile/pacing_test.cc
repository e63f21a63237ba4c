// An origin that slows down midway: requests stop, status and event say why, and a person resumes.
#include <gtest/gtest.h>

#include <condition_variable>
#include <iostream>
#include <mutex>

#include "tests/integration/reconcile/cluster.h"
#include "tests/support/scripted_server.h"

namespace stoker::testing {
namespace {

using nlohmann::json;
using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr int kSlowingEntries = 400;
constexpr int kOutAtOnce = 10;
constexpr seconds kJudgedBy{10};  // latency.window
constexpr milliseconds kPacingPoll{100};

// Answers every request, at once or after three seconds.
class MoodyOrigin {
 public:
  [[nodiscard]] std::string url() const { return "http://" + server_.address() + "/{key}"; }
  void Slow(bool slow) {
    const std::lock_guard lock(mutex_);
    slow_ = slow;
    recovered_.notify_all();
  }
  // Nobody waits for an answer any more.
  [[nodiscard]] bool Quiet() const {
    const std::lock_guard lock(mutex_);
    return answered_ == arrivals_.size();
  }
  [[nodiscard]] int Requests() const {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(arrivals_.size());
  }
  [[nodiscard]] steady_clock::time_point Latest() const {
    const std::lock_guard lock(mutex_);
    return arrivals_.empty() ? steady_clock::time_point() : arrivals_.back();
  }

 private:
  void Serve(ScriptedServer::Peer& peer) {
    std::string in;
    while (true) {
      const auto end = in.find("\r\n\r\n");
      if (end == std::string::npos) {
        if (!peer.Receive(in)) return;
        continue;
      }
      in.erase(0, end + 4);
      {
        std::unique_lock lock(mutex_);
        arrivals_.push_back(steady_clock::now());
        recovered_.wait_for(lock, slow_ ? seconds(3) : seconds(0), [this] { return !slow_; });
      }
      const bool sent = peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nvalue");
      {
        const std::lock_guard lock(mutex_);
        ++answered_;
      }
      if (!sent) return;
    }
  }

  mutable std::mutex mutex_;
  std::condition_variable recovered_;
  bool slow_ = false;  // protected by mutex_, as the next
  std::size_t answered_ = 0;
  std::vector<steady_clock::time_point> arrivals_;  // protected by mutex_
  ScriptedServer server_{[this](ScriptedServer::Peer& peer) { Serve(peer); }};
};

// The messages of the policy's events with this reason.
std::string EventsOf(const Shop& shop, const std::string& reason) {
  const CommandResult events =
      Cluster().Kubectl({"-n", shop.ns(), "get", "events.events.k8s.io", "--field-selector",
                         "reason=" + reason, "-o", "jsonpath={.items[*].note}"});
  return events.out;
}

TEST(Pacing, ARunLeavesAnOriginAloneThatBecameSlowAndGoesOnWhenAPersonSaysSo) {
  MoodyOrigin origin;
  Shop shop;
  ControllerProcess controller("pacing");
  ASSERT_TRUE(WaitFor([&] { return controller.Leads(); }, seconds(20), kPacingPoll));
  json policy = shop.Policy("pages", kSlowingEntries,
                            {{"pacing",
                              {{"requestsPerSecond", 100},
                               {"burst", 5},
                               {"maxInFlight", kOutAtOnce},
                               {"latency", {{"stopAbove", "2s"}, {"window", "10s"}}}}}});
  policy["spec"]["origins"][0]["http"]["url"] = origin.url();
  policy["metadata"]["annotations"]["stoker.dev/resumeAt"] = "long ago";
  shop.Apply(policy);
  ASSERT_TRUE(WaitFor([&] { return origin.Requests() >= 100; }, seconds(20), milliseconds(5)));

  origin.Slow(true);
  const auto slow_since = steady_clock::now();
  const int before = origin.Requests();
  ASSERT_TRUE(WaitFor(
      [&] { return shop.Condition("wp", "pages", "EmergencyStopped") == "True/OriginSlow"; },
      seconds(20), kPacingPoll))
      << shop.Get("wp", "pages").dump(2);
  const duration<double> told = steady_clock::now() - slow_since;
  const int asked = origin.Requests();
  const duration<double> last = origin.Latest() - slow_since;
  ASSERT_TRUE(WaitFor([&] { return origin.Quiet(); }));
  ASSERT_TRUE(WaitFor([&] {
    const std::string name = shop.Get("wp", "pages")["status"]["activeRun"]["name"];
    return shop.Get("job", name)["spec"].value("suspend", false);
  }));
  EXPECT_EQ(origin.Requests(), asked) << "no request follows the decision";
  EXPECT_LE(asked - before, 2 * kOutAtOnce);
  EXPECT_LE(last, kJudgedBy);

  const json stopped = shop.Get("wp", "pages");
  const std::string run = stopped["status"]["activeRun"]["name"];
  EXPECT_EQ(shop.Get("job", run)["spec"]["suspend"], true);
  EXPECT_EQ(stopped["status"].value("lastHandledResume", ""), "");
  const std::string event = EventsOf(shop, "EmergencyStopped");
  EXPECT_NE(event.find("requests took longer than 2s"), std::string::npos) << event;

  origin.Slow(false);
  const int warm_by_then = shop.Keys();
  Cluster().MustKubectl(
      {"-n", shop.ns(), "annotate", "--overwrite", "wp", "pages", "stoker.dev/resumeAt=now"});
  ASSERT_TRUE(WaitFor([&] { return shop.Condition("wp", "pages", "Warm") == "True/Warmed"; },
                      seconds(40), kPacingPoll))
      << shop.Get("wp", "pages").dump(2) << controller.process().Output();
  const json status = shop.Get("wp", "pages")["status"];
  EXPECT_EQ(shop.Condition("wp", "pages", "EmergencyStopped"), "");
  EXPECT_EQ(status["lastHandledResume"], "now");
  EXPECT_EQ(status["lastRun"]["name"], run) << "the same run went on";
  EXPECT_EQ(status["lastRun"]["discovered"], kSlowingEntries);
  EXPECT_EQ(shop.Keys(), kSlowingEntries);
  EXPECT_LE(origin.Requests(), kSlowingEntries + kOutAtOnce);
  EXPECT_NE(EventsOf(shop, "RunResumed").find("stoker.dev/resumeAt"), std::string::npos);
  std::cerr << "slow after " << before << " requests: " << asked - before
            << " more, the last after " << last.count() << " s; told after " << told.count()
            << " s; " << warm_by_then << " warm when resumed; " << origin.Requests()
            << " requests in all for " << kSlowingEntries << " entries\n";
}

}  // namespace
}  // namespace stoker::testing
