// The bound on speed, back-off, and the gate of an outage.
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <thread>

#include "controller/warming/pace/backoff.h"
#include "controller/warming/pace/outage.h"
#include "controller/warming/pace/places.h"
#include "controller/warming/pace/token_bucket.h"

namespace stoker::warming {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

const SteadyTime kStart{seconds(1000)};

TEST(TokenBucket, StartsEmptyAndSaysWhenToComeBack) {
  TokenBucket bucket(500, 10, kStart);
  const auto again = bucket.Take(kStart);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, kStart + milliseconds(2));
  EXPECT_TRUE(bucket.Take(*again - std::chrono::nanoseconds(1)));
  EXPECT_FALSE(bucket.Take(*again));
}

TEST(TokenBucket, NeverGivesMoreThanRateAndBurstInAnySecond) {
  for (const auto& [rate, burst] :
       std::vector<std::pair<int, int>>{{1, 1}, {7, 3}, {500, 10}, {333, 50}}) {
    TokenBucket bucket(rate, burst, kStart);
    Jitter jitter(42);
    std::deque<SteadyTime> window;
    SteadyTime now = kStart;
    for (int step = 0; step < 20'000; ++step) {
      now += step % 500 == 0 ? microseconds(2'000'000) : jitter.Below(microseconds(2000));
      while (!window.empty() && now - window.front() >= seconds(1)) window.pop_front();
      while (!bucket.Take(now)) window.push_back(now);
      ASSERT_LE(window.size(), static_cast<std::size_t>(rate + burst));
    }
  }
}

TEST(TokenBucket, GivesTheWholeRateToWhoAsksInTime) {
  TokenBucket bucket(333, 5, kStart);
  int taken = 0;
  for (SteadyTime now = kStart; now < kStart + seconds(10);) {
    const auto again = bucket.Take(now);
    if (again)
      now = *again;
    else
      ++taken;
  }
  EXPECT_EQ(taken, 3329);  // one every 3.003 ms, the last one at 10 s
}

TEST(TokenBucket, PausesAndTheLongestPauseWins) {
  TokenBucket bucket(1000, 10, kStart);
  bucket.PauseUntil(kStart + seconds(5));
  bucket.PauseUntil(kStart + seconds(2));
  EXPECT_TRUE(bucket.Paused(kStart + seconds(4)));
  EXPECT_EQ(*bucket.Take(kStart + seconds(3)), kStart + seconds(5));
  EXPECT_FALSE(bucket.Take(kStart + seconds(5)));
}

TEST(Backoff, DoublesUpToItsCeiling) {
  EXPECT_EQ(BackoffCeiling(0, Millis(100), Millis(5000)), Millis(100));
  EXPECT_EQ(BackoffCeiling(3, Millis(100), Millis(5000)), Millis(800));
  EXPECT_EQ(BackoffCeiling(1000, Millis(100), Millis(5000)), Millis(5000));
}

TEST(OutageGate, OpensAfterManyFailuresAndLetsOneProbeThroughPerBackoff) {
  OutageGate gate;
  SteadyTime now = kStart;
  for (int i = 0; i < OutageGate::kFailuresToOpen; ++i) {
    EXPECT_TRUE(gate.Closed());
    gate.Failed(now, false, "ConnectionRefused", "down");
  }
  EXPECT_FALSE(gate.Closed());
  EXPECT_EQ(*gate.Admit(now), now + OutageBackoff().first);
  now += OutageBackoff().first;
  EXPECT_FALSE(gate.Admit(now));
  EXPECT_TRUE(gate.Admit(now));  // only one
  EXPECT_EQ(gate.Now().message, "down");
  gate.Succeeded();
  EXPECT_TRUE(gate.Closed());
  EXPECT_FALSE(gate.Admit(now));
  EXPECT_TRUE(gate.Now().message.empty());
}

TEST(OutageGate, ASuccessInBetweenStartsTheCountAgain) {
  OutageGate gate;
  for (int i = 0; i < 100; ++i) {
    gate.Failed(kStart, false, "Timeout", "slow");
    if (i % 10 == 9) gate.Succeeded();
  }
  EXPECT_TRUE(gate.Closed());
}

TEST(Places, AreSharedEvenlyAndNeverMoreThanThereAre) {
  Places places(5, 2);
  EXPECT_EQ(places.ShareOf(0), 3);
  EXPECT_EQ(places.ShareOf(1), 2);
  int taken = 0;
  while (places.Take(0)) ++taken;  // nobody else wants one
  EXPECT_EQ(taken, 5);
  EXPECT_FALSE(places.AnyFree());
}

TEST(Places, WhatWasBorrowedGoesToWhoIsShort) {
  Places places(4, 2);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(places.Take(0));
  EXPECT_EQ(places.Give(0), -1);
  ASSERT_TRUE(places.Take(0));
  EXPECT_FALSE(places.Take(1));
  EXPECT_EQ(places.Give(0), 1);  // wake loop 1
  EXPECT_FALSE(places.Take(0));  // three held of a share of two: not while another is short
  EXPECT_TRUE(places.Take(1));
  EXPECT_EQ(places.Give(0), -1);  // loop 1 has not asked again
  EXPECT_TRUE(places.Take(1));
  EXPECT_FALSE(places.Take(1));  // its share: that is no shortage
  EXPECT_EQ(places.Give(0), -1);
}

TEST(Places, HoldUnderThreadsThatFightForThem) {
  constexpr int kTotal = 3;
  Places places(kTotal, 2);
  std::atomic<int> held{0}, most{0}, rounds[2] = {};
  const auto fight = [&](int loop) {
    while (rounds[loop] < 20'000) {
      if (!places.Take(loop)) continue;
      const int now = ++held;
      for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
      }
      --held;
      (void)places.Give(loop);
      ++rounds[loop];
    }
  };
  std::thread other(fight, 1);
  fight(0);
  other.join();
  EXPECT_LE(most, kTotal);
  int taken = 0;
  while (places.Take(0)) ++taken;
  EXPECT_EQ(taken, kTotal);  // none was lost, none was made
}

TEST(OutageGate, GivesUpWhatAPersonMustMend) {
  OutageGate gate;
  SteadyTime now = kStart;
  EXPECT_FALSE(gate.Failed(now, true, "TargetAuth", "wrong password"));
  EXPECT_FALSE(gate.Closed());
  EXPECT_FALSE(
      gate.Failed(now, true, "TargetAuth", "wrong password"));  // was on its way: no strike
  int strikes = 0;
  bool gave_up = false;
  for (; !gave_up && strikes < 10; ++strikes) {
    now += seconds(5);
    ASSERT_FALSE(gate.Admit(now));
    gave_up = gate.Failed(now, true, "TargetAuth", "wrong password");
  }
  EXPECT_EQ(strikes, OutageGate::kStandingStrikes);
}

}  // namespace
}  // namespace stoker::warming
