#include "controller/kube/watch_state.h"

#include <gtest/gtest.h>

namespace stoker::kube {
namespace {

const Status kClean;
const Millis kLong(60'000);
const Millis kShort(10);

Status Failed(Code code) { return Error{code, "x"}; }

class WatchStateTest : public ::testing::Test {
 protected:
  double random_ = 0;
  WatchState state_{BackoffOptions{}, [this] { return random_; }};
};

TEST_F(WatchStateTest, StreamsTheListThenWatchesFromIt) {
  EXPECT_EQ(state_.phase(), WatchPhase::kStreamList);
  EXPECT_EQ(state_.resource_version(), "");
  state_.OnListed("10");
  EXPECT_EQ(state_.phase(), WatchPhase::kWatch);
  state_.OnProgress("12");
  EXPECT_EQ(state_.OnEnd(kClean, kLong), Millis(0));
  EXPECT_EQ(state_.phase(), WatchPhase::kWatch);
  EXPECT_EQ(state_.resource_version(), "12");
}

TEST_F(WatchStateTest, FallsBackToPagesWhereTheListCannotBeStreamed) {
  for (const Status& end : {kClean, Failed(Code::kInvalid), Failed(Code::kTimeout)}) {
    WatchState state(BackoffOptions{}, [] { return 0.0; });
    EXPECT_EQ(state.OnEnd(end, kShort), Millis(0));
    EXPECT_EQ(state.phase(), WatchPhase::kPagedList);
    state.OnListed("5");
    EXPECT_EQ(state.OnEnd(kClean, kShort), Millis(0));
    EXPECT_EQ(state.phase(), WatchPhase::kWatch);
    EXPECT_EQ(state.OnEnd(Failed(Code::kExpired), kLong), Millis(0));
    EXPECT_EQ(state.phase(), WatchPhase::kPagedList) << "it does not try what did not work";
  }
}

TEST_F(WatchStateTest, ABrokenConnectionDoesNotGiveUpStreaming) {
  EXPECT_EQ(state_.OnEnd(Failed(Code::kUnavailable), kShort), Millis(800));
  EXPECT_EQ(state_.phase(), WatchPhase::kStreamList);
}

TEST_F(WatchStateTest, BacksOffFrom800MillisecondsTo30SecondsAndForgetsOnProgress) {
  state_.OnListed("1");
  for (const int expected : {800, 1'600, 3'200, 6'400, 12'800, 25'600, 30'000, 30'000}) {
    EXPECT_EQ(state_.OnEnd(Failed(Code::kUnavailable), kShort), Millis(expected));
  }
  EXPECT_EQ(state_.phase(), WatchPhase::kWatch)
      << "an API server that is down knows our place still";
  state_.OnProgress("2");
  EXPECT_EQ(state_.OnEnd(Failed(Code::kUnavailable), kShort), Millis(800));
}

TEST_F(WatchStateTest, JitterStaysWithinTheBounds) {
  random_ = 0.999;
  state_.OnListed("1");
  for (int i = 0; i < 10; ++i) {
    const Millis delay = state_.OnEnd(Failed(Code::kUnavailable), kShort);
    EXPECT_GT(delay, Millis(1'500));
    EXPECT_LE(delay, Millis(30'000));
  }
}

TEST_F(WatchStateTest, ListsAgainAtOnceAfterOne410AndSlowlyAfterMore) {
  state_.OnListed("1");
  state_.OnProgress("2");
  EXPECT_EQ(state_.OnEnd(Failed(Code::kExpired), kLong), Millis(0));
  EXPECT_EQ(state_.phase(), WatchPhase::kStreamList);
  EXPECT_EQ(state_.resource_version(), "");
  state_.OnListed("3");
  EXPECT_EQ(state_.OnEnd(Failed(Code::kExpired), kShort), Millis(800)) << "no hot loop of lists";
  state_.OnListed("4");
  EXPECT_EQ(state_.OnEnd(Failed(Code::kExpired), kShort), Millis(1'600));
  state_.OnListed("5");
  state_.OnProgress("6");
  EXPECT_EQ(state_.OnEnd(Failed(Code::kExpired), kLong), Millis(0));
}

TEST_F(WatchStateTest, AWatchThatEndsAtOnceWithNothingNewIsNotRepeatedAtOnce) {
  state_.OnListed("1");
  EXPECT_EQ(state_.OnEnd(kClean, kShort), Millis(0));  // the list was new
  EXPECT_EQ(state_.OnEnd(kClean, kShort), Millis(800));
  EXPECT_EQ(state_.OnEnd(kClean, kLong), Millis(0));
}

TEST_F(WatchStateTest, ASilentPeerIsDroppedAndAskedAgainAtOnce) {
  state_.OnListed("1");
  EXPECT_EQ(state_.OnEnd(Failed(Code::kTimeout), kLong), Millis(0));
  EXPECT_EQ(state_.resource_version(), "1");
}

TEST_F(WatchStateTest, AServerThatKeepsRefusingOurPlaceGetsANewList) {
  state_.OnListed("99999");  // of a future that a restored backup does not know
  for (int i = 0; i < 4; ++i) {
    (void)state_.OnEnd(Failed(Code::kInternal), kShort);
    EXPECT_EQ(state_.phase(), WatchPhase::kWatch);
  }
  (void)state_.OnEnd(Failed(Code::kInternal), kShort);
  EXPECT_EQ(state_.phase(), WatchPhase::kStreamList);
}

}  // namespace
}  // namespace stoker::kube
