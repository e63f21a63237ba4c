// What must not stop a run, hurry it, or make it lie: one bad entry, slow dials, sources that yield
// nothing, targets that cannot be read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/warming/run_fakes.h"

namespace stoker::warming {
namespace {

using std::chrono::seconds;
using testing::Bench;
using testing::PatternRun;

FetchResult Refuse(std::string reason, bool connection, std::optional<Millis> retry_after = {}) {
  return tl::unexpected(FetchError{reason, "it said " + reason, true, connection, retry_after});
}

TEST(RunTrouble, AnEntryThatIsAlwaysToldToComeBackFailsInTheEnd) {
  Bench bench(PatternRun(4));
  bench.spec.policy.execution.deadline = seconds(10);
  bench.origin->script = [](const std::string& url, int) -> FetchResult {
    if (url.ends_with("A4")) return Refuse("HTTP503", false, Millis(5));
    return Fetched{"v", "", 1};
  };
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.reason, "BelowMinimum") << report.message;
  EXPECT_EQ(report.progress.tally.warmed, 3);
  EXPECT_EQ(report.progress.tally.failed, 1);
  EXPECT_LE(bench.origin->Asked("http://origin.test/k%3A4"), 3 + 3 + 4);
}

TEST(RunTrouble, AHostThatAnEntryChoseIsThatEntrysTrouble) {
  Bench bench(PatternRun(4));
  bench.spec.policy.execution.deadline = seconds(10);
  bench.spec.policy.origins[0].http->url = "http://shop-{id}.test/{key}";
  bench.origin->script = [](const std::string& url, int) -> FetchResult {
    if (url.ends_with("A4")) return Refuse("UnknownHost", true);
    return Fetched{"v", "", 1};
  };
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.progress.tally.warmed, 3) << report.message;
  EXPECT_EQ(report.progress.tally.failed, 1);
}

TEST(RunTrouble, NoSecretIsShownToAHostThatAListChose) {
  RunSpec spec = PatternRun(4);
  auto& http = *spec.policy.origins[0].http;
  http.headers_secret_ref = "token";
  http.url = "http://shop{key}/x";
  EXPECT_TRUE(Bench(spec).Create()) << "the policy's own pattern chooses";
  spec.policy.sources[0].pattern.reset();
  spec.policy.sources[0].http =
      api::HttpSource{"http://lists.test/keys.txt", api::HttpSource::Format::kLines, "{key}"};
  const auto refused = Bench(spec).Create();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message,
              ::testing::AllOf(::testing::HasSubstr("spec.origins[0].http.url"),
                               ::testing::HasSubstr("headersSecretRef")));
  for (const char* url : {"http://shop/{key}", "http://shop?k={key}"}) {
    http.url = url;
    EXPECT_TRUE(Bench(spec).Create()) << url;
  }
  http.url = "http://shop{+path}";
  spec.policy.sources[0].http->format = api::HttpSource::Format::kSitemap;
  EXPECT_TRUE(Bench(spec).Create()) << "a sitemap's path begins with a slash";
}

TEST(RunTrouble, SlowDialsGatherNoBurst) {
  Bench bench(PatternRun(200));
  bench.spec.policy.pacing = {100, 10, 100};
  // The first hundred connections stand at one moment, a second after the start.
  const auto stand = std::chrono::steady_clock::now() + seconds(1);
  bench.origin->dial = [stand](int nth) {
    const auto left = stand - std::chrono::steady_clock::now();
    return nth < 100 && left.count() > 0 ? std::chrono::duration_cast<Millis>(left) : Millis(0);
  };
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.progress.tally.warmed, 200) << report.message;
  EXPECT_LE(bench.origin->PeakPerSecond(), 100U + 10U + 5U);
}

TEST(RunTrouble, ASlowRunDialsLittleAhead) {
  Bench bench(PatternRun(100), 1);
  bench.spec.policy.pacing = {10, 1, 100};
  bench.spec.policy.execution.deadline = Millis(500);
  bench.origin->dial = [](int) { return Millis(1); };
  bench.RunToEnd();
  EXPECT_LE(bench.origin->dials, 20 + 10);
}

TEST(RunTrouble, ReadingThatYieldsNothingEndsAtTheDeadline) {
  Bench bench(PatternRun(1'000'000'000'000));
  bench.spec.policy.sources[0].include = {"nothing*"};
  for (const auto type : {api::Strategy::Type::kBulk, api::Strategy::Type::kSelective}) {
    bench.spec.policy.strategy = {type, 10};
    bench.spec.policy.execution.deadline = Millis(200);
    const Report report = bench.RunToEnd();
    EXPECT_EQ(report.reason, "DeadlineExceeded") << report.message;
    EXPECT_LT(report.duration, seconds(5));
  }
}

TEST(RunTrouble, ReadingThatYieldsNothingCanBeCancelled) {
  Bench bench(PatternRun(1'000'000'000'000));
  bench.spec.policy.sources[0].include = {"nothing*"};
  auto run = bench.Create();
  (*run)->Start();
  (*run)->Cancel("enough");
  EXPECT_EQ((*run)->Wait().result, Report::Result::kCancelled);
}

// Fifty entries, all of them read back from a target that has this trouble with it.
Report RunSampled(std::function<std::optional<TargetError>(int nth)> read_trouble) {
  Bench bench(PatternRun(50));
  bench.spec.policy.verification_sample_percent = 100;
  bench.stores[0]->read_trouble = std::move(read_trouble);
  return bench.RunToEnd();
}

TEST(RunTrouble, SamplesAreReadOnceTheTargetIsBack) {
  const Report report = RunSampled([](int nth) -> std::optional<TargetError> {
    if (nth >= 8) return std::nullopt;
    return TargetError{"TargetUnavailable", "cache:6379 refused the connection", true, true};
  });
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  EXPECT_EQ(report.progress.tally.verified, 50);
  EXPECT_EQ(report.progress.tally.verify_failed, 0);
}

TEST(RunTrouble, ASampleThatCannotBeReadIsNotCold) {
  const Report report = RunSampled([](int) {
    return TargetError{"TargetRejected", "cache:6379 answered nonsense", false, false};
  });
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  EXPECT_EQ(report.progress.tally.verified, 0);
  EXPECT_EQ(report.progress.tally.verify_failed, 0);
}

TEST(RunTrouble, ATargetThatMayNotBeReadEndsTheRun) {
  const Report report = RunSampled(
      [](int) { return TargetError{"TargetAuth", "cache:6379 answered NOPERM", false, true}; });
  EXPECT_EQ(report.reason, "TargetAuth") << report.message;
  EXPECT_LT(report.duration, seconds(5));
}

TEST(RunTrouble, OneTargetsRefusalDoesNotEndTheOthersRetries) {
  RunSpec spec = PatternRun(10);
  spec.policy.targets.push_back(spec.policy.targets[0]);
  spec.policy.targets[1].name = "second";
  Bench bench(spec, 1);
  bench.stores[0]->trouble = [](int nth) -> std::optional<TargetError> {
    if (nth < 2) return std::nullopt;  // opening and probing
    return TargetError{"TargetRejected", "the value is too large", false, false};
  };
  bench.stores[1]->trouble = [](int nth) -> std::optional<TargetError> {
    if (nth < 2 || nth >= 12) return std::nullopt;
    return TargetError{"TargetTimeout", "no answer", true, false};
  };
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.progress.targets[0].failed, 10);
  EXPECT_EQ(report.progress.targets[1].warmed, 10) << "the second took them at the second try";
  EXPECT_EQ(bench.stores[1]->Size(), 10U);
  ASSERT_EQ(report.progress.failures.size(), 1U);
  EXPECT_EQ(report.progress.failures[0].reason, "TargetRejected");
}

}  // namespace
}  // namespace stoker::warming
