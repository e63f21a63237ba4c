// Whose turn it is when all places are taken.

#include "controller/reconcile/waiting_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stoker::reconcile {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class WaitingLineTest : public ::testing::Test {
 protected:
  void Ask(const std::string& key) { line_.Ask(key, key + "-uid", now_); }
  std::vector<std::string> Next(const WaitingLine::Busy& busy) {
    std::vector<std::string> keys;
    for (const auto& waiter : line_.Next(busy, now_)) keys.push_back(waiter.job_key);
    return keys;
  }

  WaitingLine line_{4};
  SteadyTime now_{};
};

TEST_F(WaitingLineTest, WhoAskedFirstBeginsFirst) {
  for (const char* key : {"a/1", "b/1", "c/1"}) Ask(key);
  Ask("a/1");
  EXPECT_THAT(Next({{"x", 2}, {"y", 2}}), IsEmpty());
  EXPECT_THAT(Next({{"x", 2}, {"y", 1}}), ElementsAre("a/1"));
  EXPECT_THAT(Next({{"x", 2}}), ElementsAre("a/1", "b/1"));
}

TEST_F(WaitingLineTest, ANamespaceThatHoldsHalfLetsOthersPass) {
  for (const char* key : {"a/1", "a/2", "b/1"}) Ask(key);
  EXPECT_THAT(Next({{"a", 3}}), ElementsAre("b/1"));
  EXPECT_THAT(Next({{"a", 2}}), ElementsAre("b/1", "a/1"));
  EXPECT_THAT(Next({{"a", 1}}), ElementsAre("a/1", "b/1", "a/2"));
}

TEST_F(WaitingLineTest, ANamespaceByItselfMayHaveAll) {
  for (const char* key : {"a/1", "a/2", "a/3", "a/4", "a/5"}) Ask(key);
  EXPECT_THAT(Next({}), ElementsAre("a/1", "a/2", "a/3", "a/4"));
  EXPECT_THAT(Next({{"a", 3}}), ElementsAre("a/1"));
}

TEST_F(WaitingLineTest, WhoLeftOrNoLongerAsksHoldsUpNobody) {
  for (const char* key : {"a/1", "b/1"}) Ask(key);
  line_.Leave("a/1-uid");
  EXPECT_FALSE(line_.Holds("a/1-uid"));
  EXPECT_THAT(Next({{"x", 3}}), ElementsAre("b/1"));
  now_ += WaitingLine::kForgottenAfter;
  Ask("c/1");
  EXPECT_THAT(Next({{"x", 3}}), ElementsAre("b/1")) << "it may be late";
  now_ += Millis(1);
  EXPECT_THAT(Next({{"x", 3}}), ElementsAre("c/1"));
}

TEST(WaitingLine, OnePlaceIsNotShared) {
  WaitingLine line(1);
  EXPECT_EQ(line.share(), 1);
  line.Ask("a/1", "uid", SteadyTime());
  EXPECT_EQ(line.Next({}, SteadyTime()).size(), 1u);
}

}  // namespace
}  // namespace stoker::reconcile
