// What stops a run from hurting an origin: the breaker, the emergency stop, the bound on bytes.
#include <gtest/gtest.h>

#include <vector>

#include "controller/warming/pace/byte_rate.h"
#include "controller/warming/pace/circuit_breaker.h"
#include "controller/warming/pace/latency_stop.h"

namespace stoker::warming {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using State = CircuitBreaker::State;

const SteadyTime kSteadyStart{seconds(1000)};
const WallTime kWallStart{seconds(1'800'000'000)};

class CircuitBreakerTest : public ::testing::Test {
 protected:
  std::optional<SteadyTime> Admit() { return breaker_.Admit(now_, Wall()); }
  bool Fail(std::uint64_t era) { return breaker_.Failed(era, now_, Wall()); }
  [[nodiscard]] WallTime Wall() const {
    return kWallStart + std::chrono::duration_cast<milliseconds>(now_ - kSteadyStart);
  }
  void Trip() {
    for (int i = 0; i < 10; ++i) Fail(breaker_.era());
  }

  SteadyTime now_ = kSteadyStart;
  CircuitBreaker breaker_{
      {.failure_threshold = 10, .open_for = Millis(30'000), .probes = 3, .shard = 0, .shards = 1}};
};

TEST_F(CircuitBreakerTest, OpensAfterFailuresInARowAndNotBefore) {
  for (int i = 0; i < 9; ++i) EXPECT_FALSE(Fail(0));
  breaker_.Succeeded(0);
  for (int i = 0; i < 9; ++i) EXPECT_FALSE(Fail(0));
  EXPECT_FALSE(Admit());
  EXPECT_TRUE(Fail(0));
  EXPECT_EQ(breaker_.state(), State::kOpen);
  EXPECT_EQ(Admit(), now_ + seconds(30));
  EXPECT_EQ(breaker_.trips(), 1);
}

TEST_F(CircuitBreakerTest, SendsOnlyProbesAndClosesWhenAllSucceed) {
  Trip();
  now_ += seconds(30);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(Admit()) << "probe " << i;
  EXPECT_TRUE(Admit());
  const std::uint64_t era = breaker_.era();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(breaker_.state(), State::kHalfOpen);
    breaker_.Succeeded(era);
  }
  EXPECT_EQ(breaker_.state(), State::kClosed);
  EXPECT_FALSE(Admit());
}

TEST_F(CircuitBreakerTest, OneFailedProbeOpensItAgain) {
  Trip();
  now_ += seconds(30);
  EXPECT_FALSE(Admit());
  EXPECT_FALSE(Admit());
  breaker_.Succeeded(breaker_.era());
  EXPECT_TRUE(Fail(breaker_.era()));
  EXPECT_EQ(Admit(), now_ + seconds(30));
  EXPECT_EQ(breaker_.trips(), 1) << "a failed probe is the same outage";
}

TEST_F(CircuitBreakerTest, AFlappingOriginSeesTheProbesAlone) {
  Trip();
  int seen = 0;
  for (int second = 0; second < 3'000; ++second, now_ += seconds(1)) {
    while (!Admit()) {
      ++seen;
      Fail(breaker_.era());
    }
  }
  EXPECT_LE(seen, 3'000 / 30);
}

TEST_F(CircuitBreakerTest, AnswersOfBeforeAreNotHeard) {
  const std::uint64_t before = breaker_.era();
  Trip();
  now_ += seconds(30);
  EXPECT_FALSE(Admit());
  for (int i = 0; i < 5; ++i) breaker_.Succeeded(before);
  EXPECT_EQ(breaker_.state(), State::kHalfOpen);
  EXPECT_FALSE(Fail(before));
  EXPECT_EQ(breaker_.state(), State::kHalfOpen);
}

TEST_F(CircuitBreakerTest, LostProbesCostOnePeriod) {
  Trip();
  now_ += seconds(30);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(Admit());
  now_ += seconds(30);
  EXPECT_EQ(Admit(), now_ + seconds(30));
  now_ += seconds(30);
  EXPECT_FALSE(Admit());
}

TEST_F(CircuitBreakerTest, NeverOpensWithoutAThreshold) {
  CircuitBreaker none(
      {.failure_threshold = 0, .open_for = Millis(1), .probes = 1, .shard = 0, .shards = 1});
  for (int i = 0; i < 1'000; ++i) EXPECT_FALSE(none.Failed(0, now_, Wall()));
}

TEST(CircuitBreaker, ShardsProbeOneAtATime) {
  constexpr int kShards = 3;
  std::vector<std::unique_ptr<CircuitBreaker>> breakers;
  for (int i = 0; i < kShards; ++i) {
    breakers.push_back(
        std::make_unique<CircuitBreaker>(CircuitBreakerOptions{.failure_threshold = 1,
                                                               .open_for = Millis(10'000),
                                                               .probes = 1,
                                                               .shard = i,
                                                               .shards = kShards}));
    breakers.back()->Failed(0, kSteadyStart + seconds(i), kWallStart + seconds(i));
  }
  std::vector<int> probes(kShards);
  for (int second = 10; second < 300; ++second) {
    int now_probing = 0;
    for (int i = 0; i < kShards; ++i) {
      if (breakers[i]->Admit(kSteadyStart + seconds(second), kWallStart + seconds(second)))
        continue;
      ++now_probing;
      ++probes[i];
      breakers[i]->Failed(breakers[i]->era(), kSteadyStart + seconds(second),
                          kWallStart + seconds(second));
    }
    EXPECT_LE(now_probing, 1) << "in second " << second;
  }
  for (const int count : probes) EXPECT_GE(count, 5);
}

// A request that took `latency` until now.
bool StopsOn(LatencyStop& stop, SteadyTime now, milliseconds latency) {
  return stop.Finished(now, stop.Began(now - latency), latency).has_value();
}

TEST(LatencyStop, StopsAfterOneLatencyOfAnOriginThatWasQuick) {
  LatencyStop stop({.stop_above = Millis(2'000), .window = Millis(10'000), .in_flight = 10});
  SteadyTime now = kSteadyStart;
  for (int i = 0; i < 2'000; ++i)
    EXPECT_FALSE(StopsOn(stop, now += milliseconds(5), milliseconds(50)));
  now += seconds(3);
  int ended = 1;
  while (!StopsOn(stop, now, seconds(3))) ++ended;
  EXPECT_LE(ended, 10) << "those that were in flight must be enough";
}

TEST(LatencyStop, DoesNotWaitForRequestsThatNeverEnd) {
  LatencyStop stop({.stop_above = Millis(2'000), .window = Millis(10'000), .in_flight = 10});
  SteadyTime now = kSteadyStart;
  for (int i = 0; i < 100; ++i)
    EXPECT_FALSE(StopsOn(stop, now += milliseconds(5), milliseconds(50)));
  for (int i = 0; i < 10; ++i) (void)stop.Began(now);
  EXPECT_FALSE(stop.Look(now + milliseconds(2'000)));
  const auto slowness = stop.Look(now + milliseconds(2'001));
  ASSERT_TRUE(slowness);
  EXPECT_EQ(slowness->slow, 10);
  EXPECT_EQ(slowness->of, 10);
}

TEST(LatencyStop, StopsWithinAWindowWhenRequestsGoOneByOne) {
  LatencyStop stop({.stop_above = Millis(2'000), .window = Millis(10'000), .in_flight = 1});
  SteadyTime now = kSteadyStart;
  for (int i = 0; i < 100; ++i)
    EXPECT_FALSE(StopsOn(stop, now += milliseconds(50), milliseconds(50)));
  const SteadyTime slow_since = now;
  while (!StopsOn(stop, now += seconds(3), seconds(3))) {
  }
  EXPECT_LE(now - slow_since, seconds(10));
}

TEST(LatencyStop, WhatIsForgottenWhileItIsOutIsNotHeard) {
  LatencyStop stop({.stop_above = Millis(2'000), .window = Millis(10'000), .in_flight = 10});
  std::vector<LatencyStop::Request> out;
  for (int i = 0; i < 20; ++i) out.push_back(stop.Began(kSteadyStart));
  stop.Forget();
  for (const auto& request : out)
    EXPECT_FALSE(stop.Finished(kSteadyStart + seconds(3), request, seconds(3)));
  EXPECT_FALSE(stop.Look(kSteadyStart + seconds(3)));
}

TEST(LatencyStop, AFewSlowOnesAreNoReason) {
  LatencyStop stop({.stop_above = Millis(2'000), .window = Millis(10'000), .in_flight = 10});
  SteadyTime now = kSteadyStart;
  for (int i = 0; i < 3'000; ++i)
    EXPECT_FALSE(StopsOn(stop, now += milliseconds(5), milliseconds(i % 4 == 0 ? 3'000 : 50)));
}

TEST(LatencyStop, ForgetsWhatIsOlderThanItsWindow) {
  LatencyStop stop({.stop_above = Millis(2'000), .window = Millis(10'000), .in_flight = 10});
  SteadyTime now = kSteadyStart;
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(StopsOn(stop, now, seconds(3)));
  now += seconds(11);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(StopsOn(stop, now, seconds(3)));
}

TEST(LatencyStop, NeverStopsWithoutABound) {
  LatencyStop stop({.stop_above = Millis(0), .window = Millis(10'000), .in_flight = 10});
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(StopsOn(stop, kSteadyStart, seconds(100)));
}

// Moves values of `size(i)` for ten seconds as fast as it may, `in_flight` at a time, each taking 10 ms.
template <class Size>
std::int64_t MovedInTenSeconds(ByteRate& rate, int in_flight, Size size) {
  std::int64_t moved = 0;
  int count = 0;
  for (SteadyTime now = kSteadyStart; now < kSteadyStart + seconds(10); now += milliseconds(10)) {
    std::vector<ByteRate::Charge> begun;
    ByteRate::Charge charge;
    while (static_cast<int>(begun.size()) < in_flight && !rate.Begin(now, charge))
      begun.push_back(charge);
    for (const auto& one : begun) {
      const std::int64_t bytes = size(count++);
      rate.Ended(one, bytes);
      moved += bytes;
    }
  }
  return moved;
}

TEST(ByteRate, HoldsTheRateForValuesOfAnySize) {
  constexpr std::int64_t kRate = 1'000'000;
  struct Case {
    const char* name;
    std::int64_t small, large;
    int every;
  };
  for (const Case& sizes : {Case{"even", 10'000, 10'000, 1}, Case{"small", 100, 100, 1},
                            Case{"mixed", 1'000, 200'000, 20}}) {
    ByteRate rate(kRate, kSteadyStart);
    const std::int64_t moved = MovedInTenSeconds(
        rate, 1'000, [&](int i) { return i % sizes.every == 0 ? sizes.large : sizes.small; });
    EXPECT_LE(moved, 10 * kRate + kRate) << sizes.name;
    EXPECT_GE(moved, 8 * kRate) << sizes.name;
  }
}

TEST(ByteRate, ALargeValueIsPaidBeforeTheNextBegins) {
  ByteRate rate(1'000, kSteadyStart);
  ByteRate::Charge charge;
  ASSERT_FALSE(rate.Begin(kSteadyStart, charge));
  rate.Ended(charge, 5'000);
  const auto again = rate.Begin(kSteadyStart + seconds(1), charge);
  ASSERT_TRUE(again);
  EXPECT_GE(*again, kSteadyStart + milliseconds(4'800));
}

TEST(ByteRate, TheFirstValuesDoNotComeAllAtOnce) {
  ByteRate rate(1'000'000, kSteadyStart);
  ByteRate::Charge charge;
  int begun = 0;
  for (SteadyTime now = kSteadyStart; now < kSteadyStart + seconds(1); now += milliseconds(1)) {
    while (!rate.Begin(now, charge)) ++begun;
  }
  EXPECT_LE(begun, 11) << "nobody knows yet what one weighs";
}

TEST(ByteRate, AFailureBringsItsChargeBackAndTeachesNothing) {
  ByteRate rate(1'000, kSteadyStart);
  ByteRate::Charge charge;
  ASSERT_FALSE(rate.Begin(kSteadyStart, charge));
  rate.Ended(charge, 500);
  SteadyTime now = kSteadyStart + seconds(1);
  for (int i = 0; i < 10; ++i) {
    ASSERT_FALSE(rate.Begin(now, charge)) << i;
    EXPECT_EQ(charge.bytes, 500);
    EXPECT_TRUE(rate.Wait(now));
    rate.Failed(charge);
    EXPECT_FALSE(rate.Wait(now));
  }
}

TEST(ByteRate, NoBoundMeansNoWait) {
  ByteRate rate(0, kSteadyStart);
  ByteRate::Charge charge;
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_FALSE(rate.Begin(kSteadyStart, charge));
    rate.Ended(charge, 1 << 30);
  }
}

}  // namespace
}  // namespace stoker::warming
