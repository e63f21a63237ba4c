#include "controller/reconcile/again.h"

#include <gtest/gtest.h>

namespace stoker::reconcile {
namespace {

constexpr Millis kHour{3'600'000};
constexpr double kLatest = 1.0;

TEST(Again, WhatHasItsTimeIsNeverLate) {
  const Again slot = Again::Exactly(kHour);
  EXPECT_EQ(slot.Delay(0), kHour);
  EXPECT_EQ(slot.Delay(kLatest), kHour);
}

TEST(Again, AnotherLookMayComeUpToATenthLater) {
  const Again look{std::nullopt, Millis(30'000)};
  EXPECT_EQ(look.Delay(0), Millis(30'000));
  EXPECT_EQ(look.Delay(kLatest), Millis(33'000));
}

TEST(Again, ALookThatIsLateDoesNotDelayWhatHasItsTime) {
  const Again both{Millis(31'000), Millis(30'000)};
  EXPECT_EQ(both.Delay(0), Millis(30'000));
  EXPECT_EQ(both.Delay(kLatest), Millis(31'000));
}

TEST(Again, TheSoonestOfEachCounts) {
  Again again;
  EXPECT_FALSE(again.Delay(kLatest));
  again.NoLaterThan(kHour);
  again.NoLaterThan(Millis(5));
  again.NoLaterThan(kHour);
  again.About(kHour);
  again.About(Millis(7));
  EXPECT_EQ(again, (Again{Millis(5), Millis(7)}));
}

}  // namespace
}  // namespace stoker::reconcile
