#include "controller/warming/pace/capacity_gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stoker::warming {
namespace {

using ::testing::HasSubstr;

TEST(CapacityGate, AllowsNothingBeforeItWasMeasured) {
  CapacityGate gate(85);
  EXPECT_FALSE(gate.Take(1));
}

TEST(CapacityGate, AllowsHalfOfTheRoomThenAsksAgain) {
  CapacityGate gate(80);
  ASSERT_FALSE(gate.Measured({{"r:1", 600, 1000, 0}}, 10));  // room 200
  std::int64_t taken = 0;
  while (gate.Take(10)) taken += 10;
  EXPECT_EQ(taken, 100);
  // Nothing has landed: what is on its way counts against the room.
  ASSERT_FALSE(gate.Measured({{"r:1", 600, 1000, 0}}, 10));
  taken = 0;
  while (gate.Take(10)) taken += 10;
  EXPECT_EQ(taken, 50);
}

TEST(CapacityGate, LetsAWriteThroughThatFitsThoughItIsMoreThanHalf) {
  CapacityGate gate(80);
  ASSERT_FALSE(gate.Measured({{"r:1", 600, 1000, 0}}, 150));
  EXPECT_TRUE(gate.Take(150));
}

TEST(CapacityGate, TheFullestNodeDecides) {
  CapacityGate gate(80);
  const auto full =
      gate.Measured({{"r:1", 100, 1000, 0}, {"r:2", 800, 1000, 0}, {"r:3", 900, 0, 0}}, 10);
  ASSERT_TRUE(full);
  EXPECT_THAT(*full, HasSubstr("r:2 uses 80.0 % of its memory"));
  EXPECT_THAT(*full, HasSubstr("maxMemoryPercent is 80"));
}

TEST(CapacityGate, ANodeWithoutALimitHasRoom) {
  CapacityGate gate(1);
  ASSERT_FALSE(gate.Measured({{"r:1", 1 << 30, 0, 0}}, 1 << 20));
  EXPECT_TRUE(gate.Take(1 << 30));
}

TEST(CapacityGate, EvictionsDuringTheRunEndItButEarlierOnesDoNot) {
  CapacityGate gate(100);
  EXPECT_FALSE(gate.Measured({{"r:1", 10, 1000, 7}}, 1));
  EXPECT_FALSE(gate.Measured({{"r:1", 10, 1000, 7}}, 1));
  EXPECT_FALSE(gate.Measured({{"r:1", 10, 1000, 0}}, 1)) << "it restarted";
  const auto evicts = gate.Measured({{"r:1", 10, 1000, 3}}, 1);
  ASSERT_TRUE(evicts);
  EXPECT_THAT(*evicts, HasSubstr("r:1 evicted 3 keys during the run"));
}

}  // namespace
}  // namespace stoker::warming
