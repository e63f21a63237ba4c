#include "controller/reconcile/shards.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/unit/reconcile/samples.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;
using warming::Progress;
using warming::Report;

Progress Share(std::int64_t discovered, std::int64_t warmed, std::int64_t skipped = 0) {
  Progress progress;
  progress.phase = Progress::Phase::kDone;
  progress.enumerated = true;
  progress.tally.discovered = discovered;
  progress.tally.warmed = warmed;
  progress.tally.skipped = skipped;
  progress.tally.left = discovered - warmed - skipped;
  return progress;
}

Report Account(const Progress& progress, Report::Result result = Report::Result::kSucceeded,
               const char* reason = "Warmed") {
  Report report;
  report.result = result;
  report.reason = reason;
  report.progress = progress;
  return report;
}

WorkerPod Pod(const char* uid, int index, const char* created = "2026-11-27T12:00:00Z") {
  WorkerPod pod;
  pod.uid = uid;
  pod.index = index;
  pod.created = created;
  pod.running = pod.ready = true;
  return pod;
}

TEST(Shards, NobodySpokeYet) {
  const ShardsView view = CombineShards({Pod("a", 0)}, {}, 2, false);
  EXPECT_FALSE(view.progress);
  EXPECT_FALSE(view.report);
  EXPECT_EQ(view.ready, 1);
}

TEST(Shards, AddUpAndAreEnumeratedOnlyWhenAllAre) {
  const std::vector<WorkerPod> pods = {Pod("a", 0), Pod("b", 1), Pod("c", 2)};
  std::map<std::string, Progress> live = {{"a", Share(40, 10)}, {"b", Share(60, 30)}};
  ShardsView view = CombineShards(pods, live, 3, false);
  EXPECT_EQ(view.progress->tally.discovered, 100);
  EXPECT_EQ(view.progress->tally.warmed, 40);
  EXPECT_EQ(view.progress->percent, 40);
  EXPECT_FALSE(view.progress->enumerated) << "the third has not spoken";
  live["c"] = Share(100, 100);
  view = CombineShards(pods, live, 3, false);
  EXPECT_TRUE(view.progress->enumerated);
  EXPECT_EQ(view.progress->percent, 70);
  EXPECT_FALSE(view.report) << "nobody has ended";
}

// A replaced worker counts what its predecessor warmed as skipped: adding both up counts it twice.
TEST(Shards, OfAnIndexOnlyTheLatestAttemptThatSpokeCounts) {
  const WorkerPod first = Pod("first", 0, "2026-11-27T12:00:00Z");
  const WorkerPod second = Pod("second", 0, "2026-11-27T12:01:00Z");
  std::map<std::string, Progress> live = {{"first", Share(50, 30)}};
  EXPECT_EQ(CombineShards({second, first}, live, 1, false).progress->tally.warmed, 30)
      << "the second has not spoken yet";
  live["second"] = Share(50, 5, 30);
  const ShardsView view = CombineShards({second, first}, live, 1, false);
  EXPECT_EQ(view.progress->tally.discovered, 50);
  EXPECT_EQ(view.progress->tally.warmed, 5);
  EXPECT_EQ(view.progress->tally.skipped, 30);
}

TEST(Shards, TheRunHasItsReportWhenTheLatestOfEveryIndexReported) {
  WorkerPod lost = Pod("lost", 0);
  lost.report = Account(Share(50, 20), Report::Result::kCancelled, "Cancelled");
  WorkerPod other = Pod("other", 1);
  other.report = Account(Share(50, 50));
  WorkerPod next = Pod("next", 0, "2026-11-27T12:01:00Z");
  EXPECT_FALSE(CombineShards({lost, other, next}, {}, 2, false).report);
  EXPECT_EQ(CombineShards({lost, other, next}, {}, 2, true).reported, 1);
  next.report = Account(Share(50, 30, 20));
  const ShardsView view = CombineShards({lost, other, next}, {}, 2, false);
  ASSERT_TRUE(view.report);
  EXPECT_EQ(view.reported, 2);
  EXPECT_EQ(view.report->result, Report::Result::kSucceeded);
  EXPECT_EQ(view.report->progress.tally.discovered, 100);
  EXPECT_EQ(view.report->progress.tally.warmed, 80);
  EXPECT_EQ(view.report->progress.tally.skipped, 20);
}

TEST(Shards, TheWorstShardSpeaksForTheRunAndTheFirstExpiryCounts) {
  Report good = Account(Share(10, 10));
  good.first_expiry = samples::At("2026-11-27T14:00:00Z");
  good.duration = Millis(4000);
  Report bad = Account(Share(10, 1), Report::Result::kFailed, "TargetReadOnly");
  bad.message = "redis.shop:6379 is read-only";
  bad.first_expiry = samples::At("2026-11-27T13:00:00Z");
  bad.duration = Millis(3000);
  const Report cancelled = Account(Share(10, 5), Report::Result::kCancelled, "Cancelled");
  const Report sum = SumReports({good, cancelled, bad});
  EXPECT_EQ(sum.result, Report::Result::kFailed);
  EXPECT_EQ(sum.reason, "TargetReadOnly");
  EXPECT_EQ(sum.message, "redis.shop:6379 is read-only");
  EXPECT_EQ(sum.first_expiry, samples::At("2026-11-27T13:00:00Z"));
  EXPECT_EQ(sum.duration, Millis(4000));
}

TEST(Shards, ASuccessIsToldAsThatOfOneHost) {
  const Report sum = SumReports({Account(Share(10, 8, 2)), Account(Share(6, 6))});
  EXPECT_EQ(sum.message,
            "16 of 16 entries are warm (14 warmed, 2 already present), 0 failed, 0 left");
}

TEST(Shards, OneToWhichNothingFellIsNoFailureOfTheWhole) {
  const Report sum = SumReports({Account(Share(0, 0)), Account(Share(6, 6))});
  EXPECT_EQ(sum.result, Report::Result::kSucceeded);
  EXPECT_EQ(sum.reason, "Warmed");
  EXPECT_EQ(sum.progress.percent, 100);
}

TEST(Shards, NothingDiscoveredIsSaidOnlyWhenEveryShardSaidSo) {
  std::vector<WorkerPod> pods = {Pod("a", 0), Pod("b", 1)};
  for (WorkerPod& pod : pods) pod.report = Account(Share(0, 0));
  const ShardsView all = CombineShards(pods, {}, 2, true);
  ASSERT_TRUE(all.report);
  EXPECT_EQ(all.report->result, Report::Result::kFailed);
  EXPECT_EQ(all.report->reason, "NothingDiscovered");
  EXPECT_FALSE(CombineShards(pods, {}, 3, true).report) << "the third left no account";
}

TEST(Shards, PodsOfAnIndexThatTheJobDoesNotHaveDoNotCount) {
  std::vector<WorkerPod> pods = {Pod("a", 0), Pod("forged", 1), Pod("negative", -1)};
  for (WorkerPod& pod : pods) pod.report = Account(Share(10, 10));
  const ShardsView view = CombineShards(pods, {}, 1, false);
  ASSERT_TRUE(view.report);
  EXPECT_EQ(view.reported, 1);
  EXPECT_EQ(view.ready, 1);
  EXPECT_EQ(view.report->progress.tally.discovered, 10);
}

TEST(Shards, NoMoreTargetsAreToldOfThanAPolicyMayHave) {
  std::vector<Progress> shards;
  for (int i = 0; i < 9; ++i) {
    shards.push_back(Share(1, 1));
    shards.back().targets = {{"t" + std::to_string(i), 1, 0}};
  }
  EXPECT_EQ(SumProgress(shards).targets.size(), 8) << "a status with more is refused";
}

TEST(Shards, AWaitOfOneIsAWaitOfAll) {
  Progress waits;
  waits.waiting = {"TargetTLSNotTrusted", "redis.shop:6379: certificate not trusted"};
  const Progress sum = SumProgress({Progress(), waits});
  ASSERT_TRUE(sum.waiting);
  EXPECT_EQ(sum.waiting->reason, "TargetTLSNotTrusted");
}

TEST(Shards, FailuresOfOneReasonAreOneRowTheMostFirstAndTenAtMost) {
  Progress a = Share(10, 0);
  Progress b = Share(10, 0);
  a.failures = {{"Timeout", 2, "k1", "slow"}, {"HTTP404", 5, "k2", "missing"}};
  b.failures = {{"Timeout", 4, "k3", "slow"}};
  for (int i = 0; i < 12; ++i) b.failures.push_back({"R" + std::to_string(i), 1, "", ""});
  const Progress sum = SumProgress({a, b});
  ASSERT_EQ(sum.failures.size(), 10);
  EXPECT_EQ(sum.failures[0].reason, "Timeout");
  EXPECT_EQ(sum.failures[0].count, 6);
  EXPECT_EQ(sum.failures[0].sample_key, "k1");
  EXPECT_EQ(sum.failures[1].reason, "HTTP404");
}

TEST(Shards, OriginErrorsAreWeighedByRequests) {
  Progress busy = Share(10, 0);
  busy.tally.origin_requests = 90;
  Progress idle = Share(10, 0);
  idle.tally.origin_requests = 10;
  idle.origin_error_percent = 100;
  EXPECT_EQ(SumProgress({busy, idle}).origin_error_percent, 10);
}

TEST(Shards, NothingToWarmIsWarm) {
  EXPECT_EQ(SumProgress({Share(0, 0), Share(0, 0)}).percent, 100);
  EXPECT_EQ(SumProgress({}).percent, 0);
}

json PodObject() {
  return {{"metadata",
           {{"name", "pages-0"},
            {"uid", "pod-uid"},
            {"creationTimestamp", "2026-11-27T12:00:00Z"},
            {"annotations", {{"batch.kubernetes.io/job-completion-index", "2"}}},
            {"ownerReferences", {{{"uid", "job-uid"}, {"controller", true}}}}}},
          {"status",
           {{"phase", "Running"},
            {"podIP", "10.0.0.9"},
            {"containerStatuses", {{{"name", "worker"}, {"ready", true}}}}}}};
}

TEST(WorkerPods, AreOnlyThoseThatTheJobControls) {
  const auto pod = ReadWorkerPod(PodObject(), "job-uid");
  ASSERT_TRUE(pod);
  EXPECT_EQ(pod->index, 2);
  EXPECT_EQ(pod->ip, "10.0.0.9");
  EXPECT_TRUE(pod->running && pod->ready);
  EXPECT_FALSE(ReadWorkerPod(PodObject(), "another"));
  EXPECT_FALSE(ReadWorkerPod(PodObject(), ""));
  json not_controlled = PodObject();
  not_controlled["metadata"]["ownerReferences"][0]["controller"] = false;
  EXPECT_FALSE(ReadWorkerPod(not_controlled, "job-uid"));
}

TEST(WorkerPods, TerminationMessagesAreReportsOrNothing) {
  const auto with = [](const std::string& message) {
    json pod = PodObject();
    pod["status"]["containerStatuses"][0]["state"]["terminated"]["message"] = message;
    return ReadWorkerPod(pod, "job-uid")->report;
  };
  const auto report = with(warming::ToJson(Account(Share(10, 10))).dump());
  ASSERT_TRUE(report);
  EXPECT_EQ(report->progress.tally.warmed, 10);
  EXPECT_FALSE(with(""));
  EXPECT_FALSE(with("segmentation fault"));
  EXPECT_FALSE(with("{}"));
  EXPECT_FALSE(with(std::string(5000, ' ') + "{}"));
}

// What is added up over a hundred shards must stay a number, and what is written into a status must
// be what the schema takes.
TEST(WorkerPods, AccountsThatNoRunGivesAreNotBelieved) {
  Report honest = Account(Share(10, 10));
  honest.progress.targets = {{"l2", 10, 0}};
  honest.progress.failures = {{"HTTP404", 1, "k", "gone"}};
  const json account = warming::ToJson(honest);
  ASSERT_TRUE(warming::ReportFromJson(account));
  const auto rows = [](int count, const json& row) {
    json list = json::array();
    for (int i = 0; i < count; ++i) {
      list.push_back(row);
      list.back()["name"] = "t" + std::to_string(i);
    }
    return list;
  };
  const json target = account["progress"]["targets"][0];
  const json failure = account["progress"]["failures"][0];
  const std::vector<std::pair<const char*, json>> lies = {
      {"/progress/tally/warmed", -1},
      {"/progress/tally/discovered", 1'000'000'000'000'001},
      {"/progress/tally/discovered", std::numeric_limits<std::int64_t>::max()},
      {"/progress/tally/bytes", std::numeric_limits<std::uint64_t>::max()},
      {"/progress/tally/originRequests", 1e300},
      {"/progress/tally/left", "7"},
      {"/progress/targets/0/failed", -7},
      {"/progress/targets/0/name", std::string(64, 'n')},
      {"/progress/targets", json::array({target, target})},
      {"/progress/targets", rows(9, target)},
      {"/progress/failures/0/count", 1e18},
      {"/progress/failures/0/reason", "two words"},
      {"/progress/failures", json::array({failure, failure})},
      {"/progress/percent", 101},
      {"/progress/perSecond", 1e308},
      {"/progress/originErrorPercent", -1},
      {"/progress/originLatencyMs", std::numeric_limits<std::int64_t>::max()},
      {"/durationMs", std::numeric_limits<std::int64_t>::min()},
      {"/reason", std::string(200, 'R')},
  };
  for (const auto& [where, value] : lies) {
    json lie = account;
    lie[json::json_pointer(where)] = value;
    EXPECT_FALSE(warming::ReportFromJson(lie)) << where << " " << value;
    EXPECT_FALSE(warming::ReportFromJson(json::parse(lie.dump()))) << where << " " << value;
  }
  json endless = account;
  endless["progress"]["etaMs"] = std::numeric_limits<std::uint64_t>::max();
  const auto report = warming::ReportFromJson(endless);
  ASSERT_TRUE(report) << "an end out of sight is no lie";
  EXPECT_FALSE(report->progress.eta);
}

TEST(JobsAccount, SaysWhatTheJobSays) {
  const Report failed =
      ReportOfJob(ReadJob(samples::FinishedJob("Failed", "PodFailurePolicy")), Share(10, 4));
  EXPECT_EQ(failed.result, Report::Result::kFailed);
  EXPECT_EQ(failed.reason, "PodFailurePolicy");
  EXPECT_EQ(failed.progress.tally.warmed, 4);
  EXPECT_EQ(failed.duration, Millis(30'000));
}

}  // namespace
}  // namespace stoker::reconcile
