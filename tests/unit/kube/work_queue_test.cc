#include "controller/kube/work_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "tests/support/process.h"

namespace stoker::kube {
namespace {

using Clk = std::chrono::steady_clock;

TEST(WorkQueueTest, AKeyAddedTwiceIsHandedOutOnce) {
  WorkQueue queue("q");
  queue.Add("a");
  queue.Add("a");
  queue.Add("b");
  EXPECT_EQ(queue.Stats().depth, 2u);
  EXPECT_EQ(queue.Get(), "a");
  EXPECT_EQ(queue.Get(), "b");
  queue.ShutDown();
  EXPECT_EQ(queue.Get(), std::nullopt);
}

TEST(WorkQueueTest, AKeyAddedWhileWorkedOnComesAgainAfterDone) {
  WorkQueue queue("q");
  queue.Add("a");
  ASSERT_EQ(queue.Get(), "a");
  queue.Add("a");
  EXPECT_EQ(queue.Stats().depth, 0u) << "never handed out twice at a time";
  queue.Done("a");
  EXPECT_EQ(queue.Get(), "a");
  queue.Done("a");
  EXPECT_EQ(queue.Stats().depth, 0u);
  EXPECT_EQ(queue.Stats().done, 2u);
}

TEST(WorkQueueTest, OfTwoDelaysTheEarlierCounts) {
  WorkQueue queue("q");
  queue.AddAfter("a", Millis(60'000));
  queue.AddAfter("a", Millis(30));
  queue.AddAfter("a", Millis(90'000));
  const auto began = Clk::now();
  EXPECT_EQ(queue.Get(), "a");
  EXPECT_GE(Clk::now() - began, Millis(25));
  EXPECT_EQ(queue.Stats().adds, 1u);
}

TEST(WorkQueueTest, FailuresBackOffAndForgetEndsIt) {
  WorkQueue queue("q");
  const auto fail = [&] {
    const auto began = Clk::now();
    queue.AddRateLimited("a");
    EXPECT_EQ(queue.Get(), "a");
    queue.Done("a");
    return Clk::now() - began;
  };
  for (int i = 0; i < 4; ++i) (void)fail();  // 5, 10, 20, 40 ms
  EXPECT_GE(fail(), Millis(80));
  queue.Forget("a");
  EXPECT_LT(fail(), Millis(80));
  EXPECT_EQ(queue.Stats().retries, 6u);
}

TEST(WorkQueueTest, ShutDownWakesWaitersAndDropsDelayedKeys) {
  WorkQueue queue("q");
  queue.AddAfter("late", Millis(60'000));
  std::jthread waiter([&] { EXPECT_EQ(queue.Get(), std::nullopt); });
  queue.ShutDown();
  queue.Add("after");
  waiter.join();
  EXPECT_EQ(queue.Get(), std::nullopt);
}

TEST(WorkQueueTest, ShutDownLeavesABacklogUndone) {
  WorkQueue queue("q");
  for (int i = 0; i < 5'000; ++i) queue.Add(std::to_string(i));
  const auto under_way = queue.Get();
  ASSERT_TRUE(under_way);
  queue.Add(*under_way);
  queue.ShutDown();
  EXPECT_EQ(queue.Get(), std::nullopt);
  queue.Done(*under_way);
  EXPECT_EQ(queue.Get(), std::nullopt);
  EXPECT_EQ(queue.Stats().depth, 0u);
}

TEST(WorkQueueTest, NoKeyIsWorkedOnByTwoAtATime) {
  WorkQueue queue("q");
  std::atomic<int> inside{0}, handled{0};
  std::atomic<bool> twice{false};
  std::vector<std::jthread> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&] {
      while (auto key = queue.Get()) {
        if (++inside > 1) twice = true;
        ++handled;
        --inside;
        queue.Done(*key);
      }
    });
  }
  for (int i = 0; i < 2'000; ++i) queue.Add("only");
  EXPECT_TRUE(stoker::testing::WaitFor([&] { return handled > 0; }));
  queue.ShutDown();
  workers.clear();
  EXPECT_FALSE(twice);
}

}  // namespace
}  // namespace stoker::kube
