#include <gtest/gtest.h>

#include <deque>

#include "controller/warming/pace/byte_budget.h"

namespace stoker::warming {
namespace {

TEST(ByteBudget, GivesWhatThereIs) {
  const auto budget = std::make_shared<ByteBudget>(100);
  ByteBudget::Hold one(budget), two(budget);
  EXPECT_TRUE(one.Grow(60));
  EXPECT_TRUE(two.Grow(40));
  EXPECT_EQ(budget->held(), 100);
  EXPECT_TRUE(one.Grow(30)) << "it holds more than that already";
  EXPECT_EQ(budget->held(), 100);
}

TEST(ByteBudget, FavoursOneWhenThereIsNothingLeft) {
  const auto budget = std::make_shared<ByteBudget>(100);
  ByteBudget::Hold one(budget), two(budget), three(budget);
  EXPECT_TRUE(one.Grow(50));
  EXPECT_TRUE(two.Grow(50));
  EXPECT_TRUE(three.Grow(10)) << "the favoured one";
  EXPECT_FALSE(one.Grow(60));
  EXPECT_FALSE(two.Grow(60));
  EXPECT_TRUE(three.Grow(500)) << "goes on to its end";
  three.Release();
  EXPECT_EQ(budget->held(), 100);
  EXPECT_TRUE(two.Grow(60)) << "another one is favoured now";
  EXPECT_FALSE(one.Grow(60));
}

TEST(ByteBudget, IsGivenBackWithTheHold) {
  const auto budget = std::make_shared<ByteBudget>(100);
  {
    ByteBudget::Hold one(budget);
    EXPECT_TRUE(one.Grow(80));
    ByteBudget::Hold moved = std::move(one);
    EXPECT_EQ(budget->held(), 80);
    moved = ByteBudget::Hold(budget);
    EXPECT_EQ(budget->held(), 0);
    EXPECT_TRUE(moved.Grow(120));
  }
  EXPECT_EQ(budget->held(), 0);
  ByteBudget::Hold next(budget), other(budget);
  EXPECT_TRUE(next.Grow(120)) << "the favour came back, too";
  EXPECT_FALSE(other.Grow(1));
}

// Values that grow in turn, far more than fit: each comes to its end, and no more is held than said.
TEST(ByteBudget, NobodyWaitsForEver) {
  constexpr std::int64_t kBudget = 1000, kValue = 400;
  const auto budget = std::make_shared<ByteBudget>(kBudget);
  struct Value {
    ByteBudget::Hold hold;
    std::int64_t size = 0;
  };
  std::deque<Value> growing;
  for (int i = 0; i < 50; ++i) growing.push_back({ByteBudget::Hold(budget)});
  int rounds = 0;
  while (!growing.empty()) {
    ASSERT_LT(++rounds, 1'000'000);
    Value value = std::move(growing.front());
    growing.pop_front();
    if (value.hold.Grow(value.size + 10)) value.size += 10;
    ASSERT_LE(budget->held(), kBudget + kValue);
    if (value.size < kValue) growing.push_back(std::move(value));
  }
  EXPECT_EQ(budget->held(), 0);
}

TEST(ByteBudget, WithoutOneNothingIsCounted) {
  ByteBudget::Hold hold;
  EXPECT_TRUE(hold.Grow(std::int64_t{1} << 40));
}

}  // namespace
}  // namespace stoker::warming
