#include "cmd/stoker/usage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/process.h"
#include "tests/unit/cmd/sample_manifests.h"

namespace stoker::cli {
namespace {

using ::testing::HasSubstr;

struct Outcome {
  int code = -1;
  std::string out, err;
};

Outcome Stoker(std::vector<const char*> arguments, const std::string& input = {}) {
  arguments.insert(arguments.begin(), "stoker");
  std::istringstream in(input);
  std::ostringstream out, err;
  Environment environment{.in = in, .out = out, .err = err};
  const int code =
      RunCommandLine(static_cast<int>(arguments.size()), arguments.data(), environment);
  return {code, out.str(), err.str()};
}

TEST(UsageTest, ErrorsNameTheFlagAndTheMend) {
  struct Case {
    std::vector<const char*> arguments;
    const char* message;
  };
  const Case cases[] = {
      {{}, "a command is required"},
      {{"rnu"}, "there is no command \"rnu\"; did you mean run?"},
      {{"--verison"}, "flag --verison is not known; did you mean --version?"},
      {{"run"}, "stoker: run: -f FILE is required"},
      {{"run", "-f"}, "-f FILE takes one value"},
      {{"run", "-f", ""}, "-f: a file without a name"},
      {{"run", "-f", "x", "y"}, "argument \"y\" is not known; each file needs its own -f"},
      {{"run", "--filenam", "x"}, "flag --filenam is not known; did you mean --filename?"},
      {{"run", "-f", "x", "-o", "json", "-o", "text"}, "-o text|json takes one value, once"},
      {{"run", "-f", "x", "--outptu", "json"},
       "flag --outptu is not known; did you mean --output?"},
      {{"run", "-f", "x", "--output", "xml"}, "--output: must be text or json, not \"xml\""},
      {{"run", "-f", "x", "--loops", "many"},
       "--loops: must be a whole number from 0 to 256, not \"many\""},
      {{"run", "-f", "x", "--loops", "99999999999999999999"},
       "--loops: must be a whole number from 0 to 256"},
      {{"plan", "-f", "/no/such.yaml"}, "/no/such.yaml: cannot be read"},
      {{"next"}, "give either -f FILE or --schedule"},
      {{"next", "--schedule", "61 * * * *"}, "--schedule: minute: 61 is above 59"},
      {{"next", "--schedule", "0 7 * * *", "--zone", "Local"},
       "--zone: time zone \"Local\" is not known"},
      {{"next", "--schedule", "0 7 * * *", "--from", "tomorrow"}, "--from: "},
      {{"next", "--schedule", "0 0 30 2 *"}, "no slot within five years"},
      {{"next", "--schedule", "0 7 * * *", "--count", "0"},
       "--count: must be a whole number from 1 to 10000"},
      {{"completion", "tcsh"},
       "stoker: completion: shell: must be bash, zsh, fish or kubectl, not \"tcsh\""},
      {{"help", "rnu"}, "stoker: help: command: must be run, plan, "},
      {{"completion"}, "stoker: completion: shell is required: bash, zsh, fish or kubectl"},
  };
  for (const Case& test : cases) {
    const Outcome outcome = Stoker(test.arguments);
    EXPECT_EQ(outcome.code, 2) << test.message;
    EXPECT_THAT(outcome.err, HasSubstr(test.message));
    EXPECT_EQ(outcome.out, "") << test.message;
  }
}

TEST(UsageTest, HelpHasExamplesAndExitsWithSuccess) {
  for (const char* command : {"run", "plan", "next", "validate", "version", "completion", "help"}) {
    const Outcome outcome = Stoker({command, "--help"});
    EXPECT_EQ(outcome.code, 0) << command;
    EXPECT_THAT(outcome.out, HasSubstr("Examples:"));
  }
  EXPECT_THAT(Stoker({"--help"}).out, HasSubstr("stoker demo"));
}

TEST(UsageTest, HelpIsACommandToo) {
  EXPECT_EQ(Stoker({"help"}).out, Stoker({"--help"}).out);
  EXPECT_EQ(Stoker({"help", "run"}).out, Stoker({"run", "--help"}).out);
  EXPECT_EQ(Stoker({"help", "run"}).code, 0);
}

TEST(NextCommandTest, JsonIsAnArrayOfTimesInUtc) {
  const Outcome outcome = Stoker({"next", "--schedule", "30 2 * * *", "--zone", "Europe/Berlin",
                                  "--from", "2026-10-24T12:00:00Z", "--count", "3", "-o", "json"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out,
            "[\"2026-10-25T00:30:00Z\",\"2026-10-25T01:30:00Z\",\"2026-10-26T01:30:00Z\"]\n");
}

TEST(NextCommandTest, ATableShowsTheZoneAndUtc) {
  const Outcome outcome =
      Stoker({"next", "-f", "-", "--from", "2026-11-27T00:00:00Z", "--count", "1"},
             testing::kSampleSchedule);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out,
            "Europe/Berlin               UTC\n"
            "2026-11-27T07:00:00+01:00   2026-11-27T06:00:00Z\n");
}

TEST(PlanCommandTest, SaysEntriesAndSamples) {
  const Outcome outcome = Stoker({"plan", "-f", "-", "-o", "json"}, testing::SamplePolicy());
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto plan = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(plan["entries"], 200);
  EXPECT_EQ(plan["bytes"], 200 * 1024);
  EXPECT_EQ(plan["sampleKeys"][0], "page:1");
  EXPECT_EQ(Stoker({"plan", "-f", "-"}, testing::SamplePolicy()).code, 0);
}

TEST(ValidateCommandTest, JudgesEverythingGiven) {
  const Outcome good =
      Stoker({"validate", "-f", "-"}, testing::SamplePolicy() + "---\n" + testing::kSampleSchedule);
  EXPECT_EQ(good.code, 0);
  EXPECT_THAT(good.out, HasSubstr("WarmingPolicy shop/pages is good"));
  const Outcome bad = Stoker({"validate", "-f", "-"}, testing::SamplePolicy() + "  bogus: 1\n");
  EXPECT_EQ(bad.code, 2);
  EXPECT_THAT(bad.err, HasSubstr("bogus"));
}

TEST(VersionCommandTest, ComesAsTextAndJson) {
  EXPECT_THAT(Stoker({"version"}).out, HasSubstr("stoker.dev/v1alpha1"));
  EXPECT_TRUE(nlohmann::json::parse(Stoker({"version", "-o", "json"}).out).contains("version"));
  for (const char* flag : {"--version", "-V"}) {
    const Outcome outcome = Stoker({flag});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, Stoker({"version"}).out);
  }
}

TEST(CompletionCommandTest, KnowsCommandsAndFlags) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const std::string script = Stoker({"completion", shell}).out;
    for (const char* word : {"validate", "failed-to", "filename"})
      EXPECT_THAT(script, HasSubstr(word)) << shell;
  }
}

// What bash itself offers for a line: the words of COMPREPLY, or what says that files follow.
std::string BashOffers(const std::string& script, const std::string& words, int at) {
  const testing::TempDir dir;
  const std::string line = "source " + dir.File("completion.bash", script) + " && COMP_WORDS=(" +
                           words + ") && COMP_CWORD=" + std::to_string(at) +
                           " && { _stoker; echo \"${COMPREPLY[@]}\"; }";
  const testing::CommandResult bash = testing::RunCommand({"bash", "--norc", "-c", line});
  EXPECT_EQ(bash.err, "");
  return bash.out;
}

TEST(CompletionCommandTest, BashLoadsItAndOffersWhatMayFollow) {
  const std::string script = Stoker({"completion", "bash"}).out;
  EXPECT_EQ(BashOffers(script, "stoker ru", 1), "run\n");
  EXPECT_EQ(BashOffers(script, "stoker run --f", 2), "--filename --failed-to\n");
  EXPECT_EQ(BashOffers(script, "stoker run -o ''", 3), "text json\n");
  EXPECT_EQ(BashOffers(script, "stoker run -f ''", 3), "\n");  // nothing of ours: bash offers files
  EXPECT_EQ(BashOffers(script, "stoker completion f", 2), "fish\n");
  EXPECT_EQ(BashOffers(script, "stoker help ru", 2), "run\n");
}

TEST(CompletionCommandTest, TheNameThatKubectlRunsIsCompletedToo) {
  for (const char* shell : {"bash", "zsh", "fish"})
    EXPECT_THAT(Stoker({"completion", shell}).out, HasSubstr(" kubectl-stoker")) << shell;
}

TEST(CompletionCommandTest, KubectlAsksAProgramAndIsToldWhetherFilesMayFollow) {
  const testing::TempDir dir;
  const std::string program =
      dir.File("kubectl_complete-stoker", Stoker({"completion", "kubectl"}).out);
  const auto offers = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"bash", program});
    return testing::RunCommand(words).out;
  };
  EXPECT_EQ(offers({"va"}), "validate\n:4\n");
  EXPECT_EQ(offers({"run", "-o", ""}), "text\njson\n:4\n");
  EXPECT_EQ(offers({"run", "-f", ""}), ":0\n");
}

}  // namespace
}  // namespace stoker::cli
