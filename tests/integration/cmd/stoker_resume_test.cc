// The stoker program that is killed and started again, and the replay of what failed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <map>
#include <optional>
#include <random>

#include "tests/integration/cmd/program.h"
#include "tests/support/nginx_server.h"
#include "tests/support/postgres_server.h"
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

constexpr char kValues[] =
    "location /v/ { return 200 \"value of $uri\"; }\n"
    "location = /v/page:7 { return 404; }\n";

// ---- replay ------------------------------------------------------------------------------------

class StokerReplayTest : public ::testing::Test {
 protected:
  CommandResult Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"run", "-f", policy_, "-o", "json"});
    return RunCommand(Stoker(arguments));
  }

  testing::TempDir dir_;
  testing::NginxServer origin_{kValues};
  testing::RedisServer redis_;
  std::string policy_ =
      dir_.File("policy.yaml", SamplePolicy(origin_.url("/v/{key}"), redis_.address()));
  std::string failed_ = dir_.path() + "/failed.jsonl";
};

TEST_F(StokerReplayTest, WarmsTheListOfFailuresAlone) {
  const CommandResult first = Run({"--failed-to", failed_});
  ASSERT_EQ(LastLine(first.out)["failed"], 1) << first.err;
  const std::size_t before = LinesOf(origin_.AccessLog()).size();
  EXPECT_EQ(redis_.Cli({"DEL", "page:8"}), "1");  // not of the list, so it stays away
  const CommandResult replay = Run({"--only", failed_});
  EXPECT_EQ(replay.exit_code, 1) << replay.err;  // it fails again: 0 % of what was asked for
  const json tally = LastLine(replay.out);
  EXPECT_EQ(tally["discovered"], 1);
  EXPECT_EQ(tally["failed"], 1);
  EXPECT_EQ(LinesOf(origin_.AccessLog()).size(), before + 1);
  EXPECT_EQ(redis_.Cli({"EXISTS", "page:8"}), "0");
}

TEST_F(StokerReplayTest, TakesPlainKeysAndSaysWhichTheSourcesDoNotList) {
  const std::string list = dir_.File("keys", "page:1\n\npage:2\r\nno:such\n");
  const CommandResult run = Run({"--only", list});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(LastLine(run.out)["warmed"], 2);
  EXPECT_THAT(run.err, HasSubstr("do not list 1 of the 3 keys"));
  EXPECT_EQ(redis_.Cli({"DBSIZE"}), "2");
}

TEST_F(StokerReplayTest, AListThatSaysNothingIsRefusedBeforeAnythingIsTouched) {
  const std::map<std::string, std::string> bad = {
      {"", "names no key"},
      {"{\"key\": 7}\n", "line 1 has no \"key\""},
      {"page:1\n{\"key\n", "line 2 is not JSON"},
      {"{\"key\": \"a\", \"keyBase64\": \"%\"}\n", "not base64"},
  };
  for (const auto& [text, why] : bad) {
    const CommandResult run = Run({"--only", dir_.File("list", text)});
    EXPECT_EQ(run.exit_code, 2) << text;
    EXPECT_THAT(run.err, HasSubstr(why)) << text;
  }
  const CommandResult missing = Run({"--only", "/no/such/list"});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_THAT(missing.err, HasSubstr("--only /no/such/list: cannot be read: No such file"));
  EXPECT_EQ(origin_.AccessLog(), "");
}

// ---- checkpoints -------------------------------------------------------------------------------

constexpr int kEntries = 6000;
constexpr int kInFlight = 8;
constexpr int kKills = 10;

struct KilledSource {
  const char* name;
  const char* source;  // as the policy has it; LIST stands for a list's URL
  const char* resumed;
  bool in_postgres = false;
};

constexpr KilledSource kReplayable{"Replayable", R"(
    pattern: {template: "item:{id}", variables: [{name: id, from: 1, to: 6000}]})",
                                   "GoesOn"};
constexpr KilledSource kKeyset{"Keyset", R"(
    sql: {connectionSecretRef: {name: db, key: url}, query: "select id from items",
          keyTemplate: "item:{id}", orderBy: id})",
                               "GoesOn", true};
constexpr KilledSource kUnstable{"Unstable", R"(
    http: {url: "LIST", format: Lines, keyTemplate: "item:{key}"})",
                                 "SkipsWarm"};

class StokerKilledTest : public ::testing::TestWithParam<KilledSource> {};

TEST_P(StokerKilledTest, GoesOnFromItsCheckpointAndFetchesNothingTwiceButWhatWasInFlight) {
  const testing::TempDir dir;
  std::string list;
  for (int i = 1; i <= kEntries; ++i) list += std::to_string(i) + "\n";
  const testing::NginxServer origin(
      "location /v/ { return 200 \"value of $uri\"; }\n"
      "location = /list { alias " +
      dir.File("list", list) + "; }\n");
  testing::RedisServer redis;
  std::optional<testing::PostgresServer> postgres;
  if (GetParam().in_postgres) {
    postgres.emplace();
    postgres->Sql("create table items as select g as id from generate_series(1, 6000) g");
  }
  std::string source = GetParam().source;
  if (const auto at = source.find("LIST"); at != std::string::npos)
    source.replace(at, 4, origin.url("/list"));
  const std::string policy = dir.File(
      "policy.yaml",
      "apiVersion: stoker.dev/v1alpha1\nkind: WarmingPolicy\nmetadata: {name: items}\nspec:\n"
      "  sources:\n  - name: all" +
          source +
          "\n"
          "  origins: [{name: api, http: {url: \"" +
          origin.url("/v/{key}") +
          "\"}}]\n"
          "  targets: [{name: cache, redis: {address: \"" +
          redis.address() +
          "\"}}]\n"
          "  pacing: {requestsPerSecond: 1000, burst: 20, maxInFlight: " +
          std::to_string(kInFlight) +
          "}\n  execution: {batchSize: 20}\n---\n"
          "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {url: \"" +
          (postgres ? postgres->Url() : "none") + "\"}\n");
  const std::string checkpoint = dir.path() + "/at.json";
  const std::vector<std::string> command =
      Stoker({"run", "-f", policy, "--checkpoint", checkpoint, "-o", "json"});
  const auto fetched = [&] {
    std::map<std::string, int> times;
    for (const std::string& line : LinesOf(origin.AccessLog())) {
      const auto from = line.find("/v/");
      if (from != std::string::npos) ++times[line.substr(from, line.find(' ', from) - from)];
    }
    return times;
  };

  const auto seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 chance(seed);
  for (int i = 0; i < kKills; ++i) {
    const std::size_t before = fetched().size();
    const std::size_t until = before + std::uniform_int_distribution<std::size_t>(1, 590)(chance);
    testing::Process run(command, dir.path() + "/output");
    ASSERT_TRUE(testing::WaitFor([&] { return fetched().size() >= until; })) << run.Output();
    run.Signal(SIGKILL);
    run.Wait();
  }
  ASSERT_TRUE(std::filesystem::exists(checkpoint));
  const CommandResult last = RunCommand(command);
  ASSERT_EQ(last.exit_code, 0) << last.err;
  const json tally = LastLine(last.out);
  EXPECT_EQ(tally["discovered"], kEntries);
  EXPECT_EQ(tally["left"], 0);
  EXPECT_TRUE(testing::AddsUp(tally)) << tally;
  EXPECT_EQ(tally["resumed"], GetParam().resumed);
  EXPECT_EQ(redis.Cli({"DBSIZE"}), std::to_string(kEntries));
  int requests = 0;
  for (const auto& [path, times] : fetched()) requests += times;
  // A place of the origin and one of the target an entry: see ARCHITECTURE.md.
  EXPECT_LE(requests, kEntries + kKills * 2 * kInFlight);
  RecordProperty("refetched", requests - kEntries);
  EXPECT_FALSE(std::filesystem::exists(checkpoint)) << "nothing is left to go on with";
}

INSTANTIATE_TEST_SUITE_P(Sources, StokerKilledTest,
                         ::testing::Values(kReplayable, kKeyset, kUnstable),
                         [](const auto& source) { return source.param.name; });

TEST(StokerCheckpointTest, ABadOneIsRefusedAndStaysAsItWas) {
  const testing::TempDir dir;
  const std::string policy = dir.File("policy.yaml", SamplePolicy());
  const std::map<std::string, std::string> bad = {
      {"not json", "is not JSON; remove the file to start without it"},
      {"{}", "the checkpoint is damaged"},
      {R"({"version": 1, "plan": "0123456789abcdef"})", "belongs to plan 0123456789ab"},
  };
  for (const auto& [text, why] : bad) {
    const std::string file = dir.File("at.json", text);
    const CommandResult run = RunCommand(Stoker({"run", "-f", policy, "--checkpoint", file}));
    EXPECT_EQ(run.exit_code, 2) << run.err;
    EXPECT_THAT(run.err, HasSubstr(why));
    EXPECT_EQ(testing::ReadFile(file), text);
  }
  const CommandResult nowhere =
      RunCommand(Stoker({"run", "-f", policy, "--checkpoint", "/no/such/folder/at.json"}));
  EXPECT_EQ(nowhere.exit_code, 2);
  EXPECT_THAT(nowhere.err, HasSubstr("--checkpoint /no/such/folder/at.json: cannot be written"));
  const CommandResult memory = RunCommand(Stoker(
      {"run", "-f", policy, "--checkpoint", dir.path() + "/new.json", "--target", "memory"}));
  EXPECT_EQ(memory.exit_code, 2);
  EXPECT_THAT(memory.err, HasSubstr("leave one of them out"));
}

TEST(StokerCheckpointTest, CtrlCLeavesOneToGoOnFrom) {
  const testing::TempDir dir;
  const testing::NginxServer origin(kValues);
  testing::RedisServer redis;
  std::string text = SamplePolicy(origin.url("/v/{key}"), redis.address());
  const std::string fast = "requestsPerSecond: 2000, burst: 50";
  text.replace(text.find(fast), fast.size(), "requestsPerSecond: 100, burst: 1");
  const std::string policy = dir.File("policy.yaml", text);
  const std::string file = dir.path() + "/at.json";
  testing::Process run(Stoker({"run", "-f", policy, "--checkpoint", file}), dir.path() + "/output");
  ASSERT_TRUE(testing::WaitFor([&] { return LinesOf(origin.AccessLog()).size() >= 20; }));
  run.Signal(SIGINT);
  EXPECT_EQ(run.Wait(), 130);
  EXPECT_THAT(run.Output(), HasSubstr("the same command goes on from " + file));
  EXPECT_EQ(json::parse(testing::ReadFile(file))["version"], 1);
  const CommandResult rest = RunCommand(Stoker({"run", "-f", policy, "--checkpoint", file, "-q"}));
  EXPECT_EQ(rest.exit_code, 0) << rest.err;
  EXPECT_THAT(rest.out, HasSubstr("of 200 discovered"));
  EXPECT_FALSE(std::filesystem::exists(file));
}

}  // namespace
}  // namespace stoker
