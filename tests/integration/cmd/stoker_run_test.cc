// The stoker program against a real nginx and a real redis-server.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/nginx_server.h"
#include "tests/support/redis_server.h"
#include "tests/unit/cmd/sample_manifests.h"

namespace stoker {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::CommandResult;
using testing::RunCommand;
using testing::SamplePolicy;

const std::string kStoker = STOKER_BIN_DIR "/stoker";
constexpr char kLocations[] = "location /v/ { return 200 \"value of $uri\"; }\n"
                              "location = /v/page:7 { return 404; }\n";

json LastLine(const std::string& text) {
  std::string last;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) last = line;
  return json::parse(last);
}

std::size_t LinesIn(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

class StokerRunTest : public ::testing::Test {
 protected:
  std::string Policy(const std::string& more = {}) {
    return dir_.File("policy.yaml", SamplePolicy(origin_.url("/v/{key}"), redis_.address(), more));
  }
  // Slow enough to be stopped on the way.
  std::string SlowPolicy() {
    std::string text = SamplePolicy(origin_.url("/v/{key}"), redis_.address());
    text.replace(text.find("requestsPerSecond: 2000, burst: 50"), 34, "requestsPerSecond: 20, burst: 1");
    return dir_.File("slow.yaml", text);
  }
  std::size_t FilesInDir() {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(dir_.path()), {}));
  }
  testing::TempDir dir_;
  testing::NginxServer origin_{kLocations};
  testing::RedisServer redis_;
};

TEST_F(StokerRunTest, WarmsAndTheSecondRunFindsEverythingThere) {
  const std::string policy = Policy();
  const CommandResult first = RunCommand({kStoker, "run", "-f", policy, "-o", "json"});
  EXPECT_EQ(first.exit_code, 0) << first.err;
  const json tally = LastLine(first.out);
  EXPECT_EQ(tally["discovered"], 200);
  EXPECT_EQ(tally["warmed"], 199);
  EXPECT_EQ(tally["failed"], 1);
  EXPECT_EQ(tally["left"], 0);
  EXPECT_EQ(redis_.Cli({"DBSIZE"}), "199");
  EXPECT_EQ(redis_.Cli({"GET", "page:8"}), "value of /v/page:8");
  EXPECT_GT(std::stoi(redis_.Cli({"TTL", "page:8"})), 3500);

  const CommandResult second = RunCommand({kStoker, "run", "-f", policy, "-o", "json"});
  EXPECT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(LastLine(second.out)["skipped"], 199);
  EXPECT_EQ(LastLine(second.out)["warmed"], 0);
}

TEST_F(StokerRunTest, TheSummaryIsForPeopleAndFailedToForReplay) {
  const std::string failed = dir_.path() + "/failed.jsonl";
  const CommandResult run = RunCommand({kStoker, "run", "-f", Policy(), "--failed-to", failed});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("199 warmed, 0 already there, 1 failed of 200 discovered"));
  EXPECT_THAT(run.err, HasSubstr("warming shop/pages:"));
  const std::string lines = testing::ReadFile(failed);
  ASSERT_EQ(LinesIn(lines), 1U);
  EXPECT_EQ(json::parse(lines)["key"], "page:7");
  EXPECT_EQ(json::parse(lines)["reason"], "HTTP404");
  EXPECT_EQ(FilesInDir(), 2U);  // the policy and the list, nothing written aside
}

TEST_F(StokerRunTest, CtrlCStopsWithinASecondAndTellsTheTally) {
  const std::string failed = dir_.path() + "/failed.jsonl";
  const std::string output = dir_.path() + "/output";
  testing::Process run({kStoker, "run", "-f", SlowPolicy(), "-o", "json", "--failed-to", failed}, output);
  ASSERT_TRUE(testing::WaitFor([&] { return LinesIn(origin_.AccessLog()) >= 5; }));
  const auto start = std::chrono::steady_clock::now();
  run.Signal(SIGINT);
  EXPECT_EQ(run.Wait(), 130) << run.Output();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(1500));
  const json tally = LastLine(run.Output());
  EXPECT_EQ(tally["type"], "report");
  EXPECT_EQ(tally["discovered"].get<int>(), tally["warmed"].get<int>() + tally["skipped"].get<int>() +
                                                tally["failed"].get<int>() + tally["left"].get<int>());
  EXPECT_GT(tally["warmed"], 0);
  for (const auto& file : std::filesystem::directory_iterator(dir_.path()))
    EXPECT_FALSE(file.path().string().ends_with(".tmp")) << file.path();
}

TEST_F(StokerRunTest, BadInputTouchesNothing) {
  struct Case {
    std::vector<std::string> arguments;
    const char* message;
  };
  const Case cases[] = {
      {{"-f", dir_.File("bad.yaml", SamplePolicy(origin_.url("/v/{key}"), redis_.address()) +
                                        "  retry: {limit: many}\n")},
       "WarmingPolicy shop/pages: spec.retry.limit: "},
      {{"-f", Policy(", credentialsSecretRef: {name: redis-auth}")}, "Secret \"redis-auth\" is not given"},
      {{"-f", Policy(), "--failed-to", "/no/such/dir/f"}, "--failed-to /no/such/dir/f: cannot be written"},
      {{"-f", Policy(), "--deadline", "soon"}, "--deadline: "},
      {{"-f", Policy(), "--policy", "other"}, "--policy other"},
  };
  for (const Case& test : cases) {
    std::vector<std::string> command = {kStoker, "run"};
    // Policy() writes one file for all: the one with a missing Secret is written again.
    if (std::string(test.message).starts_with("Secret")) Policy(", credentialsSecretRef: {name: redis-auth}");
    command.insert(command.end(), test.arguments.begin(), test.arguments.end());
    const CommandResult run = RunCommand(command);
    EXPECT_EQ(run.exit_code, 2) << run.err;
    EXPECT_THAT(run.err, HasSubstr(test.message));
    Policy();
  }
  EXPECT_EQ(origin_.AccessLog(), "");
  EXPECT_EQ(redis_.Cli({"DBSIZE"}), "0");
}

TEST_F(StokerRunTest, PlanTouchesNothing) {
  const CommandResult plan = RunCommand({kStoker, "plan", "-f", Policy()});
  EXPECT_EQ(plan.exit_code, 0) << plan.err;
  EXPECT_THAT(plan.out, HasSubstr("page:1"));
  EXPECT_EQ(origin_.AccessLog(), "");
  EXPECT_EQ(redis_.Cli({"INFO", "stats"}).find("total_connections_received:1\r"), std::string::npos);
}

TEST_F(StokerRunTest, MemoryStandsInForTheTargets) {
  const CommandResult run = RunCommand({kStoker, "run", "-f", Policy(), "--target", "memory", "-q"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("gone with it"));
  EXPECT_EQ(redis_.Cli({"DBSIZE"}), "0");
}

TEST_F(StokerRunTest, ADeadTargetFailsTheRunAndNamesIt) {
  redis_.Kill();
  const CommandResult run = RunCommand({kStoker, "run", "-f", Policy(), "--deadline", "3s", "-o", "json"});
  EXPECT_EQ(run.exit_code, 1) << run.out;
  EXPECT_THAT(run.out, HasSubstr(redis_.address()));
}

TEST(StokerRunPasswordTest, NeverShowsAPassword) {
  const testing::TempDir dir;
  testing::NginxServer origin(kLocations);
  testing::RedisServer redis({"requirepass right-word"});
  const std::string policy = dir.File(
      "policy.yaml", SamplePolicy(origin.url("/v/{key}"), redis.address(), ", credentialsSecretRef: {name: redis-auth}"));
  const std::string secret = dir.File("secret.yaml", testing::kSampleSecret);  // another password
  const CommandResult wrong = RunCommand({kStoker, "run", "-f", policy, "-f", secret, "--deadline", "10s"});
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_THAT(wrong.out, HasSubstr("TargetAuth"));
  EXPECT_THAT(wrong.out + wrong.err, Not(HasSubstr("s3cr3t-word")));

  (void)dir.File("auth/password", "right-word");
  const CommandResult right = RunCommand({kStoker, "run", "-f", policy, "--secret", "redis-auth=" + dir.path() + "/auth"});
  EXPECT_EQ(right.exit_code, 0) << right.out << right.err;
  EXPECT_THAT(right.out + right.err, Not(HasSubstr("right-word")));
}

TEST(StokerDemoTest, ShowsMissesThenHitsAndSpeaksWithinASecond) {
  const testing::TempDir dir;
  const auto start = std::chrono::steady_clock::now();
  testing::Process demo({kStoker, "demo"}, dir.path() + "/output");
  ASSERT_TRUE(testing::WaitFor([&] { return demo.Output().find("warming demo:") != std::string::npos; },
                               std::chrono::seconds(5)));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));  // 1 s without load
  EXPECT_EQ(demo.Wait(std::chrono::seconds(60)), 0) << demo.Output();
  EXPECT_THAT(demo.Output(), HasSubstr("40 misses"));
  EXPECT_THAT(demo.Output(), HasSubstr("10,000 warmed"));
  EXPECT_THAT(demo.Output(), HasSubstr("1000 hits, 0 misses"));
  EXPECT_THAT(demo.Output(), HasSubstr("Where to go next"));
}

}  // namespace
}  // namespace stoker
