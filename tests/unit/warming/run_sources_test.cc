// Sources on their way through the engine: lists, sitemaps, ConfigMaps, the best N, and going on
// elsewhere.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/warming/plan/planner.h"
#include "controller/warming/source/entry_chunk.h"
#include "tests/support/gzip.h"
#include "tests/support/process.h"
#include "tests/unit/warming/run_fakes.h"

namespace stoker::warming {
namespace {

using stoker::testing::Gzip;
using stoker::testing::WaitFor;
using testing::Bench;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::PatternRun;
using ::testing::UnorderedElementsAre;

constexpr char kList[] = "http://lists.test/keys.txt?sig=t0p-secret";

RunSpec ListRun(api::HttpSource::Format format = api::HttpSource::Format::kLines) {
  RunSpec spec = PatternRun(1);
  spec.policy.sources[0].pattern.reset();
  spec.policy.sources[0].http = api::HttpSource{kList, format, "{key}"};
  return spec;
}

RunSpec ConfigMapRun() {
  RunSpec spec = PatternRun(1);
  spec.policy.sources[0].pattern.reset();
  spec.policy.sources[0].static_ = api::StaticSource{{}, api::KeyRef{"keys", "list"}};
  return spec;
}

std::vector<std::string> Held(Bench& bench) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : bench.stores[0]->values) keys.push_back(key);
  return keys;
}

std::string Index(const std::vector<std::string>& children) {
  std::string text = "<sitemapindex>";
  for (const auto& child : children) text += "<sitemap><loc>" + child + "</loc></sitemap>";
  return text + "</sitemapindex>";
}

std::string Pages(const std::vector<std::string>& pages) {
  std::string text = "<urlset>";
  for (const auto& page : pages) text += "<url><loc>" + page + "</loc></url>";
  return text + "</urlset>";
}

TEST(RunSources, WarmsTheBestOfAListByItsScores) {
  Bench bench(ListRun());
  bench.spec.policy.strategy = {api::Strategy::Type::kSelective, 2};
  bench.documents->bodies[kList] = "worst\t0.1\r\nbest\t9\r\n\r\nplain\r\ngood\t5";
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  EXPECT_THAT(Held(bench), UnorderedElementsAre("best", "good"));
  EXPECT_EQ(report.progress.tally.discovered, 2);
}

TEST(RunSources, ReadsAListThatIsCompressed) {
  Bench bench(ListRun());
  bench.documents->bodies[kList] = Gzip("a\nb\na\n");
  EXPECT_EQ(bench.RunToEnd().progress.tally.discovered, 2);
  EXPECT_THAT(Held(bench), UnorderedElementsAre("a", "b"));
}

TEST(RunSources, CountsALineThatIsNoKeyAsAFailureByItsReason) {
  Bench bench(ListRun());
  bench.spec.policy.min_warmed_percent = 40;
  bench.documents->bodies[kList] = std::string(kMaxKeyBytes, 'k') + "\n" +
                                   std::string(kMaxKeyBytes + 1, 'x') + "\n" +
                                   std::string(1 << 20, 'y') + "\nno number\tafter\nlast\n";
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  EXPECT_EQ(report.progress.tally.discovered, 5);
  EXPECT_EQ(report.progress.tally.warmed, 2);
  ASSERT_EQ(report.progress.failures.size(), 2U) << report.message;
  EXPECT_EQ(report.progress.failures[0].reason, "KeyTooLong");
  EXPECT_EQ(report.progress.failures[0].count, 2);
  EXPECT_EQ(report.progress.failures[1].reason, "BadLine");
}

TEST(RunSources, AListThatIsNotThereFailsTheRunAndIsNamed) {
  Bench bench(ListRun());
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.reason, "SourceFailed");
  EXPECT_THAT(report.message, HasSubstr("http://lists.test/keys.txt: the server answered 404"));
}

TEST(RunSources, NoMessageShowsTheQueryOfAUrl) {
  for (const std::string& body : {std::string("<html/>"), Gzip("<urlset/>").substr(0, 12)}) {
    Bench bench(ListRun(api::HttpSource::Format::kSitemap));
    bench.documents->bodies[kList] = body;
    const Report report = bench.RunToEnd();
    EXPECT_EQ(report.reason, "SourceFailed");
    EXPECT_THAT(report.message, HasSubstr("http://lists.test/keys.txt: "));
    EXPECT_THAT(report.message, Not(HasSubstr("t0p-secret")));
  }
}

TEST(RunSources, FollowsIndexesOfSitemapsAndReadsEachDocumentOnce) {
  Bench bench(ListRun(api::HttpSource::Format::kSitemap));
  auto& bodies = bench.documents->bodies;
  bodies[kList] = Index({"http://lists.test/a.xml", kList, "http://lists.test/inner.xml"});
  bodies["http://lists.test/a.xml"] = Pages({"http://shop.test/1", "http://shop.test/2"});
  bodies["http://lists.test/inner.xml"] =
      Gzip(Index({kList, "http://lists.test/b.xml.gz", "http://lists.test/a.xml"}));
  bodies["http://lists.test/b.xml.gz"] =
      Gzip(Pages({"http://shop.test/2", "http://shop.test/3", "ftp://shop.test/4"}));
  bench.spec.policy.min_warmed_percent = 70;
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  EXPECT_THAT(Held(bench), UnorderedElementsAre("http://shop.test/1", "http://shop.test/2",
                                                "http://shop.test/3"));
  EXPECT_EQ(report.progress.failures.at(0).reason, "BadURL");
  for (const auto& [url, times] : bench.documents->asked) EXPECT_EQ(times, 1) << url;
}

TEST(RunSources, RefusesIndexesThatNestWithoutEnd) {
  Bench bench(ListRun(api::HttpSource::Format::kSitemap));
  auto& bodies = bench.documents->bodies;
  std::string url = kList;
  for (int depth = 0; depth < 10; ++depth) {
    const std::string next = "http://lists.test/" + std::to_string(depth);
    bodies[url] = Index({next});
    url = next;
  }
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.reason, "SourceFailed");
  EXPECT_THAT(report.message, HasSubstr("nest deeper than 4"));
  EXPECT_THAT(report.message, Not(HasSubstr("t0p-secret")));
  EXPECT_LE(bench.documents->asked.size(), 5U);
}

TEST(RunSources, ReadsKeysFromAConfigMapPlainOrCompressed) {
  for (const std::string& text : {std::string("a\nb\r\nc"), Gzip("a\nb\r\nc")}) {
    Bench bench(ConfigMapRun());
    bench.materials->config_maps["keys"]["list"] = text;
    EXPECT_EQ(bench.RunToEnd().reason, "Warmed");
    EXPECT_THAT(Held(bench), UnorderedElementsAre("a", "b", "c"));
  }
}

TEST(RunSources, NamesTheConfigMapThatIsMissing) {
  Bench bench(ConfigMapRun());
  auto run = bench.Create();
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().code, Code::kNotFound);
  EXPECT_THAT(run.error().message, HasSubstr("spec.sources[0]"));
  EXPECT_THAT(run.error().message, HasSubstr("ConfigMap \"keys\" does not exist"));
  bench.materials->config_maps["keys"]["other"] = "a";
  EXPECT_THAT(bench.Create().error().message, HasSubstr("has no key \"list\""));
}

TEST(RunSources, AListThatMayHaveChangedIsReadAgainAndWhatIsWarmIsSkipped) {
  Bench bench(ListRun());
  std::string keys;
  for (int i = 0; i < 1000; ++i) keys += "key" + std::to_string(i) + "\n";
  bench.documents->bodies[kList] = keys;
  bench.spec.policy.execution.batch_size = 10;
  bench.origin->latency = Millis(1);
  Checkpoint last;
  bench.options.on_checkpoint = [&](const Checkpoint& checkpoint) { last = checkpoint; };
  auto first = bench.Create();
  (*first)->Start();
  ASSERT_TRUE(WaitFor([&] { return bench.origin->Requests() >= 300; }));
  (*first)->Cancel("moved to another host");
  (*first)->Wait();
  const auto held = static_cast<std::int64_t>(bench.stores[0]->Size());

  bench.options.resume = last;
  bench.documents->bodies[kList] = "new\n" + keys;
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  EXPECT_EQ(report.progress.tally.discovered, 1001);
  EXPECT_EQ(report.progress.tally.skipped, held);
  EXPECT_EQ(report.progress.tally.warmed, 1001 - held);
  EXPECT_EQ(report.progress.resumed, Resumed::kSkipsWarm);
}

TEST(RunSources, AListThatMayHaveChangedIsWarmedAnewWhereATargetIsOverwritten) {
  Bench bench(ListRun());
  bench.documents->bodies[kList] = "a\nb\nc";
  bench.spec.policy.targets[0].write.mode = api::Write::Mode::kOverwrite;
  Checkpoint last;
  bench.options.on_checkpoint = [&](const Checkpoint& checkpoint) { last = checkpoint; };
  EXPECT_EQ(bench.RunToEnd().progress.resumed, Resumed::kNot);
  bench.options.resume = last;
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.progress.resumed, Resumed::kStartsOver);
  EXPECT_EQ(report.progress.tally.warmed, 3);
}

TEST(RunSources, ACheckpointRemembersWhenTheFirstEntryExpires) {
  Bench bench(PatternRun(50));
  Checkpoint last;
  bench.options.on_checkpoint = [&](const Checkpoint& checkpoint) { last = checkpoint; };
  const Report first = bench.RunToEnd();
  ASSERT_TRUE(first.first_expiry);
  bench.options.resume = last;
  const Report resumed = bench.RunToEnd();
  EXPECT_EQ(resumed.progress.tally.warmed, 50);
  EXPECT_EQ(resumed.progress.tally.origin_requests, 0);
  EXPECT_EQ(resumed.first_expiry, first.first_expiry);
}

TEST(RunSources, WhatSourcesFetchIsPacedAndCountedLikeEveryRequest) {
  Bench bench(ListRun(api::HttpSource::Format::kSitemap));
  std::vector<std::string> children;
  for (int i = 0; i < 20; ++i) {
    children.push_back("http://lists.test/" + std::to_string(i) + ".xml");
    bench.documents->bodies[children.back()] = Pages({"http://shop.test/" + std::to_string(i)});
  }
  bench.documents->bodies[kList] = Index(children);
  bench.spec.policy.pacing = {100, 1, 1};  // one place: sources and entries take turns
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.progress.tally.warmed, 20) << report.message;
  EXPECT_EQ(report.progress.tally.origin_requests, 41);
  EXPECT_GE(report.duration, Millis(400));
}

TEST(RunSources, ThePlaceOfAReaderThatIsDoneGoesToAWorker) {
  for (const int both : {1, 2}) {  // places, and loops
    RunSpec spec = PatternRun(both);
    spec.policy.sources.push_back(ListRun().policy.sources[0]);
    spec.policy.pacing.max_in_flight = both;
    spec.policy.execution.batch_size = 1;
    spec.policy.execution.deadline = std::chrono::seconds(5);
    Bench bench(spec, both);
    bench.documents->bodies[kList] = "k:1\n";  // brings nothing new, so no batch wakes the worker
    bench.documents->latency = Millis(200);
    bench.origin->latency = Millis(100);
    EXPECT_EQ(bench.RunToEnd().reason, "Warmed") << both;
  }
}

TEST(RunSources, BatchesThatMoveDoNotHurryARetry) {
  Bench bench(ListRun(api::HttpSource::Format::kSitemap));
  std::vector<std::string> pages;
  for (int i = 0; i < 3000; ++i) pages.push_back("http://shop.test/" + std::to_string(i));
  const std::string good = "http://lists.test/good.xml", bad = "http://lists.test/bad.xml";
  bench.documents->bodies = {{kList, Index({good, bad})}, {good, Pages(pages)}};
  bench.documents->broken = {bad};
  bench.spec.policy.execution.batch_size = 10;
  bench.spec.policy.retry = {6, std::chrono::seconds(30), std::chrono::seconds(30)};
  bench.spec.policy.execution.deadline = std::chrono::seconds(1);
  EXPECT_EQ(bench.RunToEnd().reason, "DeadlineExceeded");
  EXPECT_EQ(bench.documents->asked[bad], 1);
}

TEST(RunSources, ADefectiveLineHidesNoKey) {
  Bench bench(ListRun());
  bench.spec.policy.min_warmed_percent = 50;
  const std::string key(64, 'y');  // how the long line begins
  bench.documents->bodies[kList] = std::string(1 << 20, 'y') + "\n" + key + "\n";
  const Report report = bench.RunToEnd();
  EXPECT_THAT(Held(bench), UnorderedElementsAre(key));
  EXPECT_EQ(report.progress.tally.failed, 1);
}

TEST(RunSources, AHostThatRemembersOnlySoManyKeysSaysSo) {
  for (const bool selective : {false, true}) {
    Bench bench(PatternRun(50'000));
    if (selective) bench.spec.policy.strategy = {api::Strategy::Type::kSelective, 10};
    bench.options.most_keys = 1000;
    const Report report = bench.RunToEnd();
    EXPECT_EQ(report.reason, "SourceFailed");
    EXPECT_THAT(report.message, HasSubstr("more than 1000 keys"));
    EXPECT_THAT(report.message, HasSubstr("spec.execution.mode to Pods"));
  }
  Bench enough(PatternRun(1000));
  enough.options.most_keys = 1000;
  EXPECT_EQ(enough.RunToEnd().reason, "Warmed");
}

// A chunk that is full by its bytes and holds nothing that is wanted is not the end of the source.
TEST(RunSources, LargeValuesOfWhichNoneIsWantedDoNotEndTheList) {
  RunSpec spec = PatternRun(20);
  spec.policy.origins.clear();
  spec.policy.sources[0].pattern->value = "{id}" + std::string(Planner::kMaxBatchText, 'v');
  auto only = std::make_shared<KeySet>();
  only->Insert(KeyHash("k:17"));
  Bench bench(spec);
  bench.options.only = only;
  EXPECT_EQ(bench.RunToEnd().progress.tally.warmed, 1);
  std::size_t held = 0;
  for (int shard = 0; shard < 2; ++shard) {
    Bench worker(spec);
    worker.spec.shard = {shard, 2};
    worker.RunToEnd();
    held += Held(worker).size();
  }
  EXPECT_EQ(held, 20U);
}

TEST(RunSources, OfAListOfKeysThoseThatTheSourcesListAreWarmedAndNoOther) {
  auto only = std::make_shared<KeySet>();
  for (const char* key : {"k:3", "k:7", "no:such"}) only->Insert(KeyHash(key));
  for (const bool selective : {false, true}) {
    Bench bench(PatternRun(100));
    if (selective) bench.spec.policy.strategy = {api::Strategy::Type::kSelective, 50};
    bench.options.only = only;
    const Report report = bench.RunToEnd();
    EXPECT_THAT(Held(bench), UnorderedElementsAre("k:3", "k:7"));
    EXPECT_EQ(report.progress.tally.discovered, 2);
  }
}

}  // namespace
}  // namespace stoker::warming
