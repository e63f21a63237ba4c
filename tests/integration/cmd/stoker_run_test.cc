// The stoker program against a real nginx and a real redis-server, when all is well.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>

#include "tests/integration/cmd/program.h"
#include "tests/support/nginx_server.h"
#include "tests/support/redis_server.h"
#include "tests/unit/cmd/sample_manifests.h"

namespace stoker {
namespace {

using nlohmann::json;
using testing::CommandResult;
using ::testing::HasSubstr;
using testing::LastLine;
using testing::LinesOf;
using testing::RunCommand;
using testing::SamplePolicy;
using testing::Stoker;

constexpr char kLocations[] =
    "location /v/ { return 200 \"value of $uri\"; }\n"
    "location = /v/page:7 { return 404; }\n";

class StokerRunTest : public ::testing::Test {
 protected:
  std::string Policy() {
    return dir_.File("policy.yaml", SamplePolicy(origin_.url("/v/{key}"), redis_.address()));
  }
  // Slow enough to be stopped on the way.
  std::string SlowPolicy() {
    std::string text = SamplePolicy(origin_.url("/v/{key}"), redis_.address());
    const std::string fast = "requestsPerSecond: 2000, burst: 50";
    return dir_.File("slow.yaml",
                     text.replace(text.find(fast), fast.size(), "requestsPerSecond: 20, burst: 1"));
  }
  [[nodiscard]] std::size_t OriginRequests() const { return LinesOf(origin_.AccessLog()).size(); }
  [[nodiscard]] std::vector<std::string> Files() const {
    std::vector<std::string> names;
    for (const auto& file : std::filesystem::directory_iterator(dir_.path()))
      names.push_back(file.path().filename().string());
    return names;
  }

  testing::TempDir dir_;
  testing::NginxServer origin_{kLocations};
  testing::RedisServer redis_;
};

TEST_F(StokerRunTest, WarmsAndTheSecondRunFindsEverythingThere) {
  const std::string policy = Policy();
  const CommandResult first = RunCommand(Stoker({"run", "-f", policy, "-o", "json"}));
  EXPECT_EQ(first.exit_code, 0) << first.err;
  const json tally = LastLine(first.out);
  EXPECT_EQ(tally["discovered"], 200);
  EXPECT_EQ(tally["warmed"], 199);
  EXPECT_EQ(tally["failed"], 1);
  EXPECT_EQ(tally["left"], 0);
  EXPECT_EQ(redis_.Cli({"DBSIZE"}), "199");
  EXPECT_EQ(redis_.Cli({"GET", "page:8"}), "value of /v/page:8");
  EXPECT_GT(std::stoi(redis_.Cli({"TTL", "page:8"})), 3500);

  const CommandResult second = RunCommand(Stoker({"run", "-f", policy, "-o", "json"}));
  EXPECT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(LastLine(second.out)["skipped"], 199);
  EXPECT_EQ(LastLine(second.out)["warmed"], 0);
}

TEST_F(StokerRunTest, TheSummaryIsForPeopleAndFailedToForReplay) {
  const std::string failed = dir_.path() + "/failed.jsonl";
  const CommandResult run = RunCommand(Stoker({"run", "-f", Policy(), "--failed-to", failed}));
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("199 warmed, 0 already there, 1 failed of 200 discovered"));
  EXPECT_THAT(run.out, HasSubstr("HTTP404  page:7: "));
  EXPECT_THAT(run.err, HasSubstr("warming shop/pages:"));
  const std::vector<std::string> lines = LinesOf(testing::ReadFile(failed));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(json::parse(lines[0])["key"], "page:7");
  EXPECT_EQ(json::parse(lines[0])["reason"], "HTTP404");
  EXPECT_THAT(Files(),
              ::testing::UnorderedElementsAre("policy.yaml", "failed.jsonl"));  // nothing aside
}

TEST_F(StokerRunTest, CtrlCStopsWithinASecondAndTellsTheTally) {
  const std::string failed = dir_.path() + "/failed.jsonl";
  testing::Process run(Stoker({"run", "-f", SlowPolicy(), "-o", "json", "--failed-to", failed}),
                       dir_.path() + "/output");
  ASSERT_TRUE(testing::WaitFor([&] { return OriginRequests() >= 5; })) << run.Output();
  const auto start = std::chrono::steady_clock::now();
  run.Signal(SIGINT);
  EXPECT_EQ(run.Wait(), 130) << run.Output();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(1500));
  const json tally = LastLine(run.Output());
  ASSERT_EQ(tally.value("type", ""), "report") << run.Output();
  EXPECT_EQ(tally["result"], "Cancelled");
  EXPECT_TRUE(testing::AddsUp(tally)) << tally;
  EXPECT_GT(tally["warmed"], 0);
  EXPECT_THAT(Files(), ::testing::UnorderedElementsAre("slow.yaml", "output", "failed.jsonl"));
}

TEST_F(StokerRunTest, TheSecondCtrlCEndsAtOnceAndLeavesNoHalfList) {
  testing::Process run(
      Stoker({"run", "-f", SlowPolicy(), "--failed-to", dir_.path() + "/failed.jsonl"}),
      dir_.path() + "/output");
  ASSERT_TRUE(testing::WaitFor([&] { return OriginRequests() >= 5; })) << run.Output();
  run.Signal(SIGSTOP);  // both are pending when it wakes
  run.Signal(SIGINT);
  run.Signal(SIGTERM);
  run.Signal(SIGCONT);
  EXPECT_THAT(run.Wait(), ::testing::AnyOf(130, 143));
  for (const std::string& name : Files()) EXPECT_FALSE(name.ends_with(".tmp")) << name;
}

TEST_F(StokerRunTest, PlanTouchesNothing) {
  const auto connections = [&] {  // each call of redis-cli is one itself
    const std::string stats = redis_.Cli({"INFO", "stats"});
    const std::string name = "total_connections_received:";
    return std::stoi(stats.substr(stats.find(name) + name.size()));
  };
  const int before = connections();
  const CommandResult plan = RunCommand(Stoker({"plan", "-f", Policy()}));
  EXPECT_EQ(plan.exit_code, 0) << plan.err;
  EXPECT_THAT(plan.out, HasSubstr("page:1"));
  EXPECT_THAT(plan.out, HasSubstr(origin_.url("/v/page%3A1")));
  EXPECT_EQ(origin_.AccessLog(), "");
  EXPECT_EQ(connections(), before + 1);
}

TEST_F(StokerRunTest, MemoryStandsInForTheTargets) {
  const CommandResult run = RunCommand(Stoker({"run", "-f", Policy(), "--target", "memory", "-q"}));
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("gone with it"));
  EXPECT_EQ(OriginRequests(), 200U);
  EXPECT_EQ(redis_.Cli({"DBSIZE"}), "0");
}

TEST_F(StokerRunTest, OutputThatCannotBeWrittenIsAFailure) {
  const CommandResult plan =
      RunCommand({"bash", "-c", "\"$0\" plan -f \"$1\" > /dev/full", Stoker({}).front(), Policy()});
  EXPECT_EQ(plan.exit_code, 1);
  EXPECT_THAT(plan.err, HasSubstr("standard output cannot be written"));
}

TEST_F(StokerRunTest, IsFoundAsAKubectlPluginToo) {
  const std::string plugin = dir_.path() + "/kubectl-stoker";
  std::filesystem::create_symlink(Stoker({}).front(), plugin);
  const CommandResult validate = RunCommand({plugin, "validate", "-f", Policy()});
  EXPECT_EQ(validate.exit_code, 0) << validate.err;
  EXPECT_THAT(validate.out, HasSubstr("WarmingPolicy shop/pages is good"));
}

TEST(StokerDemoTest, ShowsMissesThenHitsAndSpeaksWithinASecond) {
  const testing::TempDir dir;
  const auto start = std::chrono::steady_clock::now();
  testing::Process demo(Stoker({"demo"}), dir.path() + "/output");
  ASSERT_TRUE(
      testing::WaitFor([&] { return demo.Output().find("warming demo:") != std::string::npos; },
                       std::chrono::seconds(5)));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));  // 1 s without load
  EXPECT_EQ(demo.Wait(std::chrono::seconds(60)), 0) << demo.Output();
  EXPECT_THAT(demo.Output(), HasSubstr("40 misses"));
  EXPECT_THAT(demo.Output(), HasSubstr("10,000 warmed"));
  EXPECT_THAT(demo.Output(), HasSubstr("1,000 hits, 0 misses"));
  EXPECT_THAT(demo.Output(), HasSubstr("Where to go next"));
}

}  // namespace
}  // namespace stoker
