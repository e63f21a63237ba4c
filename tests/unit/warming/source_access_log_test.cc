// Access logs: lines, filters, counting in bounded memory, and what becomes of them in a run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/base/json.h"
#include "controller/warming/run/estimate.h"
#include "controller/warming/source/access_log.h"
#include "controller/warming/source/config_map.h"
#include "tests/support/gzip.h"
#include "tests/support/process.h"
#include "tests/unit/warming/run_fakes.h"

namespace stoker::warming {
namespace {

using stoker::testing::Gzip;
using stoker::testing::TempDir;
using testing::Bench;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::PatternRun;

constexpr char kLogStart[] = "10.0.0.1 - frank [10/Oct/2026:13:55:36 +0000] ";

std::string Shown(const std::optional<LogLine>& line) {
  return line ? line->method + " " + line->path + " " + std::to_string(line->status) : "none";
}

TEST(AccessLog, ReadsCombinedLines) {
  const struct {
    const char* rest;
    const char* meaning;
  } cases[] = {
      {R"("GET /a?b=1 HTTP/1.1" 200 2326 "http://ref/" "Mozilla \"x\"")", "GET /a?b=1 200"},
      {R"("GET /a HTTP/1.0" 404 -)", "GET /a 404"},
      {R"("HEAD http://shop/a#top HTTP/1.1" 304 0)", "HEAD /a 304"},
      {R"("GET http://shop HTTP/1.1" 200 0)", "GET / 200"},
      {R"("GET /a/http://b/ HTTP/1.1" 200 0)", "GET /a/http://b/ 200"},
      {R"("GET /\x22 HTTP/1.1" 200 0)", "none"},
      {R"("GET /a b HTTP/1.1" 200 0)", "none"},
      {R"("OPTIONS * HTTP/1.1" 200 0)", "none"},
      {R"("\x16\x03\x01" 400 166 "-" "-")", "none"},
      {R"("-" 408 0)", "none"},
      {R"("GET /a HTTP/1.1" 9000 0)", "none"},
      {R"("GET /a HTTP/1.1)", "none"},
      {R"("GET /a HTTP/1.1\)", "none"},
      {R"("GET /a HTTP/1.1" )", "none"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(Shown(ParseCombinedLine(std::string(kLogStart) + c.rest)), c.meaning) << c.rest;
  EXPECT_EQ(Shown(ParseCombinedLine("")), "none");
  EXPECT_EQ(Shown(ParseCombinedLine("] \"")), "none");
}

TEST(AccessLog, ReadsJsonLines) {
  api::JsonLog fields;
  const auto shown = [&](const char* line) { return Shown(ParseJsonLine(line, fields)); };
  EXPECT_EQ(shown(R"({"request_method":"GET","request_uri":"/a","status":200})"), "GET /a 200");
  EXPECT_EQ(shown(R"({"request_method":"GET","request_uri":"/a","status":"304"})"), "GET /a 304");
  EXPECT_EQ(shown(R"({"request_method":"GET","request_uri":"/a"})"), "none");
  EXPECT_EQ(shown(R"({"request_method":1,"request_uri":"/a","status":200})"), "none");
  EXPECT_EQ(shown(R"({"request_method":"GET","request_uri":"/a","status":[200]})"), "none");
  EXPECT_EQ(shown(R"({"request_method":"GET","request_uri":"/a","status":200.5})"), "none");
  EXPECT_EQ(shown(R"({"request_method":"GET","request_uri":"/a","status":true})"), "none");
  EXPECT_EQ(shown(R"([1])"), "none");
  EXPECT_EQ(shown(R"({"request_)"), "none");
  fields = {"/request/method", "/request/uri", "/status"};
  EXPECT_EQ(shown(R"({"request":{"method":"GET","uri":"/a"},"status":200})"), "GET /a 200");
}

TEST(AccessLog, ALineThatNestsDeeplyIsNoLineOfALog) {
  const std::string line = R"({"request_method":"GET","request_uri":"/a","status":200,"x":)";
  const auto shown = [&](std::size_t depth) {
    return Shown(ParseJsonLine(line + std::string(depth, '[') + std::string(depth, ']') + "}", {}));
  };
  EXPECT_EQ(shown(kMostJsonDepth - 1), "GET /a 200");
  EXPECT_EQ(shown(kMostJsonDepth), "none");
  const std::string deep = R"({"request_method":"GET","request_uri":"/a","status":)";
  EXPECT_EQ(Shown(ParseJsonLine(deep + std::string(1'000'000, '['), {})), "none");
}

TEST(AccessLog, MatchesStatusesAndTheirClasses) {
  EXPECT_TRUE(StatusMatches("200", 200));
  EXPECT_FALSE(StatusMatches("200", 201));
  EXPECT_TRUE(StatusMatches("2xx", 204));
  EXPECT_FALSE(StatusMatches("2xx", 304));
}

TEST(Frequencies, CountsExactlyWhatFits) {
  Frequencies frequencies(3);
  for (const char* text : {"b", "a", "c", "a", "b", "a"}) frequencies.Add(text);
  std::vector<std::string> shown;
  for (const auto& counted : frequencies.Take())
    shown.push_back(counted.text + std::to_string(counted.count));
  EXPECT_THAT(shown, ElementsAre("a3", "b2", "c1"));
  EXPECT_TRUE(frequencies.exact());
}

TEST(Frequencies, KeepsTheFrequentOnesHoweverManyRareOnesCome) {
  constexpr int kRounds = 20'000;
  Frequencies frequencies(100);
  std::int64_t added = 0;
  for (int i = 0; i < kRounds; ++i) {
    for (int hot = 0; hot < 5; ++hot, ++added) frequencies.Add("hot" + std::to_string(hot));
    for (int rare = 0; rare < 3; ++rare, ++added)
      frequencies.Add("rare" + std::to_string(i) + "-" + std::to_string(rare));
  }
  const auto counted = frequencies.Take();
  EXPECT_FALSE(frequencies.exact());
  ASSERT_LE(counted.size(), 100U);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_THAT(counted[i].text, HasSubstr("hot"));
    EXPECT_LE(counted[i].count, kRounds);
    EXPECT_GE(counted[i].count, kRounds - added / 100);
  }
}

TEST(Frequencies, KeepsTheFrequentOnesInTheBytesItMayUse) {
  constexpr std::size_t kBytes = 1 << 20;
  Frequencies frequencies(100'000, kBytes);
  std::size_t most = 0;
  for (int i = 0; i < 5000; ++i) {
    for (const char* hot : {"/hot1", "/hot2"}) frequencies.Add(hot);
    frequencies.Add("/" + std::to_string(i) + std::string(8000, 'x'));
    most = std::max(most, frequencies.MemoryBytes());
  }
  EXPECT_LE(most, kBytes);
  EXPECT_FALSE(frequencies.exact());
  const auto counted = frequencies.Take();
  ASSERT_GE(counted.size(), 2U);
  EXPECT_EQ(counted[0].text, "/hot1");
  EXPECT_EQ(counted[1].text, "/hot2");
  EXPECT_GT(counted[0].count, 4000);
  EXPECT_EQ(frequencies.MemoryBytes(), 0U);
}

std::string Log() {
  std::string text;
  const auto add = [&](const char* request, int status, int times) {
    for (int i = 0; i < times; ++i)
      text += std::string(kLogStart) + '"' + request + "\" " + std::to_string(status) + " 10\r\n";
  };
  add("GET /rare HTTP/1.1", 200, 1);
  add("GET /hot?page=1 HTTP/1.1", 200, 3);
  add("GET /hot?page=2 HTTP/1.1", 304, 2);
  add("POST /cart HTTP/1.1", 200, 9);
  add("GET /gone HTTP/1.1", 404, 9);
  return text + std::string(100'000, 'x') + "\n\nno line of a log";
}

RunSpec LogRun(const api::AccessLogSource& log) {
  RunSpec spec = PatternRun(1);
  spec.policy.sources[0].pattern.reset();
  spec.policy.sources[0].access_log = log;
  spec.policy.origins[0].http->url = "http://origin.test{+path}";
  return spec;
}

std::vector<std::string> Stored(Bench& bench) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : bench.stores[0]->values) keys.push_back(key + "=" + value.value);
  return keys;
}

TEST(AccessLogSource, WarmsWhatIsAskedForMost) {
  api::AccessLogSource log;
  log.config_map_ref = api::KeyRef{"logs", "access.log"};
  log.key_template = "page:{path}";
  log.ignore_query = true;
  Bench bench(LogRun(log));
  bench.spec.policy.strategy = {api::Strategy::Type::kSelective, 1};
  bench.materials->config_maps["logs"] = {{"access.log", Gzip(Log())}};
  const Report report = bench.RunToEnd();
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  EXPECT_THAT(Stored(bench), ElementsAre("page:/hot=http://origin.test/hot"));
}

TEST(AccessLogSource, FiltersByMethodAndStatusAndKeepsQueries) {
  api::AccessLogSource log;
  log.url = "http://logs.test/access.log";
  log.methods = {"GET"};
  log.statuses = {"2xx"};
  Bench bench(LogRun(log));
  bench.documents->bodies[log.url] = Log();
  EXPECT_EQ(bench.RunToEnd().reason, "Warmed");
  EXPECT_THAT(Stored(bench), ElementsAre("/hot?page=1=http://origin.test/hot?page=1",
                                         "/rare=http://origin.test/rare"));
}

TEST(AccessLogSource, CountsNoPathThatIsLongerThanAUrl) {
  api::AccessLogSource log;
  log.url = "http://logs.test/access.log";
  Bench bench(LogRun(log));
  const auto line = [](std::size_t size) {
    return std::string(kLogStart) + "\"GET /" + std::string(size - 1, 'x') + " HTTP/1.1\" 200 10\n";
  };
  bench.documents->bodies[log.url] = line(10) + line(kMaxLogPath + 1);
  EXPECT_EQ(bench.RunToEnd().reason, "Warmed");
  EXPECT_EQ(bench.stores[0]->Size(), 1U);
}

// Whoever plans a run reads it, too.
TEST(AccessLogSource, ReadsNoConfigMapThatInflatesWithoutEnd) {
  api::AccessLogSource log;
  log.config_map_ref = api::KeyRef{"logs", "access.log.gz"};
  Bench bench(LogRun(log));
  bench.materials->config_maps["logs"]["access.log.gz"] =
      Gzip(std::string(kMaxConfigMapText + 1, 'x'));
  const auto plan = EstimatePlan(bench.spec, *bench.materials, 1024, 1'000'000);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().message,
            "spec.sources[0].accessLog.configMapRef: the key \"access.log.gz\" of ConfigMap "
            "\"logs\": the text is longer than 67108864 bytes");
  EXPECT_THAT(bench.RunToEnd().message, HasSubstr("accessLog.configMapRef: the key"));
}

TEST(AccessLogSource, ReadsAFileForTheCommandLineAlone) {
  const TempDir dir;
  api::AccessLogSource log;
  log.path = dir.File("access.log", Log());
  Bench bench(LogRun(log));
  EXPECT_THAT(bench.RunToEnd().message, HasSubstr("read by `stoker run` alone"));
  bench.options.local_files = true;
  EXPECT_EQ(bench.RunToEnd().reason, "Warmed");
  EXPECT_EQ(bench.stores[0]->Size(), 3U);
}

TEST(AccessLogSource, SaysThatALogIsInAnotherFormat) {
  api::AccessLogSource log;
  log.url = "http://logs.test/access.log";
  log.json = true;
  Bench bench(LogRun(log));
  bench.documents->bodies[log.url] = Log();
  EXPECT_THAT(bench.RunToEnd().message, HasSubstr("lines is in format JSON"));
}

}  // namespace
}  // namespace stoker::warming
