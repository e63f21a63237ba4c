#include "controller/kube/leader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>

#include "tests/integration/kube/shared_server.h"

namespace stoker::kube {
namespace {

using stoker::testing::AdminTransport;
using stoker::testing::SharedServer;
using stoker::testing::WaitFor;

// A transport whose cable can be pulled.
class CuttableTransport final : public Transport {
 public:
  Result<HttpResponse> Do(const HttpRequest& request, std::stop_token stop) override {
    if (cut) return Unavailable("the cable is pulled");
    return inner_->Do(request, stop);
  }
  Result<HttpResponse> Stream(const HttpRequest& request,
                              const std::function<bool(std::string_view)>& on_line,
                              std::stop_token stop) override {
    if (cut) return Unavailable("the cable is pulled");
    return inner_->Stream(request, on_line, stop);
  }
  std::atomic<bool> cut{false};

 private:
  const std::shared_ptr<Transport> inner_ = AdminTransport();
};

struct Replica {
  Replica(const std::string& ns, const std::string& identity, Millis lease, Millis deadline,
          Millis retry)
      : elector(client, {ns, "test", identity, lease, deadline, retry}) {
    elector.Start([this] { ++started; },
                  [this] {
                    valid_when_stopped = elector.Valid();
                    ++stopped;
                  });
  }
  std::shared_ptr<CuttableTransport> transport = std::make_shared<CuttableTransport>();
  Client client{transport};
  std::atomic<int> started{0}, stopped{0};
  std::atomic<bool> valid_when_stopped{false};
  LeaderElector elector;
};

class LeaderTest : public ::testing::Test {
 protected:
  const std::string ns_ = SharedServer().MakeNamespace();
};

TEST_F(LeaderTest, AReleaseIsSeenAtOnceByTheNext) {
  // Who asked again only every retry period would come far too late.
  const Millis lease(15'000), deadline(10'000), retry(9'000);
  Replica first(ns_, "first", lease, deadline, retry);
  ASSERT_TRUE(WaitFor([&] { return first.started == 1; }));
  EXPECT_TRUE(first.elector.Valid());
  EXPECT_EQ(first.elector.Transitions(), 1);
  Replica second(ns_, "second", lease, deadline, retry);
  EXPECT_FALSE(WaitFor([&] { return second.started > 0; }, Millis(500)));

  const auto released = std::chrono::steady_clock::now();
  first.elector.Stop();
  EXPECT_EQ(first.stopped, 1);
  EXPECT_TRUE(first.valid_when_stopped) << "the last writes must be able to go out";
  EXPECT_FALSE(first.elector.Valid());
  ASSERT_TRUE(WaitFor([&] { return second.started == 1; }));
  EXPECT_LT(std::chrono::steady_clock::now() - released, Millis(1'500));
  EXPECT_EQ(second.elector.Transitions(), 2);
}

TEST_F(LeaderTest, ALeaderCutOffStopsBeforeAnotherStarts) {
  const Millis lease(2'000), deadline(1'200), retry(200);
  Replica first(ns_, "first", lease, deadline, retry);
  ASSERT_TRUE(WaitFor([&] { return first.started == 1; }));
  Replica second(ns_, "second", lease, deadline, retry);

  const auto cut = std::chrono::steady_clock::now();
  first.transport->cut = true;
  bool both = false;
  ASSERT_TRUE(WaitFor([&] {
    const bool first_valid = first.elector.Valid();
    both = both || (second.started > 0 && first_valid);
    return second.started == 1;
  }));
  EXPECT_FALSE(both);
  EXPECT_EQ(first.stopped, 1);
  EXPECT_GE(std::chrono::steady_clock::now() - cut, Millis(1'500)) << "the lease was not respected";

  first.transport->cut = false;  // comes back, and waits its turn
  second.elector.Stop();
  ASSERT_TRUE(WaitFor([&] { return first.started == 2; }));
  EXPECT_EQ(first.elector.Transitions(), 3);
}

TEST_F(LeaderTest, ADeadHoldersLeaseIsTakenWhenItHasRunOut) {
  SharedServer().MustKubectl({"-n", ns_, "apply", "-f", "-"},
                             R"({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
      "metadata": {"name": "test"}, "spec": {"holderIdentity": "dead", "leaseDurationSeconds": 1,
      "leaseTransitions": 7, "renewTime": "2099-01-01T00:00:00.000000Z"}})");
  const auto began = std::chrono::steady_clock::now();
  Replica next(ns_, "next", Millis(2'000), Millis(1'200), Millis(200));
  ASSERT_TRUE(WaitFor([&] { return next.started == 1; }));
  EXPECT_GE(std::chrono::steady_clock::now() - began, Millis(950));
  EXPECT_EQ(next.elector.Transitions(), 8);
}

TEST_F(LeaderTest, ALeaseMadeAnewGoesOnFromWhatEarlierLeadersLeftBehind) {
  std::atomic<int> asked{0};
  LeaderOptions options{ns_, "test", "next", Millis(2'000), Millis(1'200), Millis(100)};
  options.left_behind = [&](const std::stop_token&) -> Result<std::int64_t> {
    if (++asked == 1) return Unavailable("the ledgers cannot be read");
    return 41;
  };
  Client client(AdminTransport());
  LeaderElector elector(client, options);
  elector.Start([] {}, [] {});
  ASSERT_TRUE(WaitFor([&] { return elector.Valid(); }));
  EXPECT_EQ(asked, 2) << "not before the answer is known";
  EXPECT_EQ(elector.Transitions(), 42);
  elector.Stop();
}

TEST_F(LeaderTest, ABlipShorterThanTheLeaseIsSurvived) {
  Replica only(ns_, "only", Millis(4'000), Millis(3'000), Millis(200));
  ASSERT_TRUE(WaitFor([&] { return only.started == 1; }));
  only.transport->cut = true;
  EXPECT_FALSE(WaitFor([&] { return only.stopped > 0; }, Millis(1'000)));
  only.transport->cut = false;
  EXPECT_FALSE(WaitFor([&] { return only.stopped > 0; }, Millis(3'000)));
  EXPECT_TRUE(only.elector.Valid());
}

TEST_F(LeaderTest, ALeaseTakenByForceEndsTheReign) {
  Replica robbed(ns_, "robbed", Millis(15'000), Millis(10'000), Millis(200));
  ASSERT_TRUE(WaitFor([&] { return robbed.started == 1; }));
  SharedServer().MustKubectl({"-n", ns_, "patch", "lease", "test", "--type=merge", "-p",
                              R"({"spec": {"holderIdentity": "thief"}})"});
  EXPECT_TRUE(WaitFor([&] { return robbed.stopped == 1; }));
  EXPECT_FALSE(robbed.valid_when_stopped);
}

}  // namespace
}  // namespace stoker::kube
