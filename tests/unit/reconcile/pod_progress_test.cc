#include "controller/reconcile/pod_progress.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/process.h"

namespace stoker::reconcile {
namespace {

using testing::WaitFor;

WorkerPod Pod(const std::string& uid, const std::string& ip) {
  WorkerPod pod;
  pod.uid = uid;
  pod.ip = ip;
  pod.running = true;
  return pod;
}

class PodProgressTest : public ::testing::Test {
 protected:
  Result<std::string> Get(const std::string& url) {
    const std::lock_guard lock(mutex_);
    asked_.push_back(url);
    if (url.find("10.0.0.1:") != std::string::npos) {
      warming::Progress progress;
      progress.tally.warmed = 7;
      return warming::ToJson(progress).dump();
    }
    if (url.find("10.0.0.2:") != std::string::npos) return std::string("<html>not a worker</html>");
    return Unavailable("refused");
  }
  std::ptrdiff_t Asked(const std::string& url) {
    const std::lock_guard lock(mutex_);
    return std::ranges::count(asked_, url);
  }

  std::mutex mutex_;
  std::vector<std::string> asked_;
  PodProgress progress_{[this](const std::string& url) { return Get(url); }, 2};
};

TEST_F(PodProgressTest, KeepsWhatWorkersSayAndNothingElse) {
  progress_.Follow("run",
                   {Pod("good", "10.0.0.1"), Pod("odd", "10.0.0.2"), Pod("gone", "fd00::3")});
  ASSERT_TRUE(WaitFor([&] { return Asked("http://[fd00::3]:8080/progress") > 0; }));
  ASSERT_TRUE(WaitFor([&] { return progress_.Latest("run").contains("good"); }));
  ASSERT_TRUE(WaitFor([&] { return Asked("http://10.0.0.2:8080/progress") > 0; }));
  const auto latest = progress_.Latest("run");
  EXPECT_EQ(latest.size(), 1);
  EXPECT_EQ(latest.at("good").tally.warmed, 7);
  EXPECT_TRUE(progress_.Latest("another run").empty());
}

TEST_F(PodProgressTest, AWorkerThatHasEndedIsNotAskedButItsLastWordStays) {
  progress_.Follow("run", {Pod("good", "10.0.0.1")});
  ASSERT_TRUE(WaitFor([&] { return progress_.Latest("run").contains("good"); }));
  WorkerPod ended = Pod("good", "10.0.0.1");
  ended.running = false;
  progress_.Follow("run", {ended});
  EXPECT_TRUE(progress_.Latest("run").contains("good"));
  progress_.Follow("run", {});
  EXPECT_TRUE(progress_.Latest("run").empty());
}

TEST_F(PodProgressTest, OneRunsPodsAreNotAnothers) {
  progress_.Follow("run", {Pod("good", "10.0.0.1")});
  progress_.Follow("other", {Pod("odd", "10.0.0.2")});
  progress_.Follow("other", {});
  EXPECT_TRUE(WaitFor([&] { return progress_.Latest("run").contains("good"); }));
}

}  // namespace
}  // namespace stoker::reconcile
