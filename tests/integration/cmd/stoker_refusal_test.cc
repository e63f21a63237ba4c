// Bad input ends with exit code 2, says what to mend, and has touched neither origin nor cache.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/integration/cmd/program.h"
#include "tests/support/corpus.h"
#include "tests/support/nginx_server.h"
#include "tests/support/redis_server.h"
#include "tests/unit/cmd/sample_manifests.h"

namespace stoker {
namespace {

using testing::CommandResult;
using ::testing::HasSubstr;
using testing::RunCommand;
using testing::SamplePolicy;
using testing::Stoker;

class StokerRefusalTest : public ::testing::Test {
 protected:
  // Nobody but redis-cli itself has spoken to Redis, and nobody at all to the origin.
  void ExpectUntouched() const {
    EXPECT_EQ(origin_.AccessLog(), "");
    EXPECT_EQ(redis_.Cli({"DBSIZE"}), "0");
    const std::string commands = redis_.Cli({"INFO", "commandstats"});
    for (const char* command : {"cmdstat_exists", "cmdstat_set", "cmdstat_auth", "cmdstat_hello"})
      EXPECT_EQ(commands.find(command), std::string::npos) << commands;
  }

  testing::TempDir dir_;
  testing::NginxServer origin_{"location / { return 200 value; }\n"};
  testing::RedisServer redis_;
};

TEST_F(StokerRefusalTest, NamesWhatToMend) {
  const std::string sample = SamplePolicy(origin_.url("/v/{key}"), redis_.address());
  const std::string good = dir_.File("good.yaml", sample);
  const std::string with_secret =
      dir_.File("secret.yaml", SamplePolicy(origin_.url("/v/{key}"), redis_.address(),
                                            ", credentialsSecretRef: {name: redis-auth}"));
  const std::string with_map = [&] {
    std::string text = sample;
    const std::size_t begin = text.find("    pattern:");
    text.replace(begin, text.find("  origins:") - begin,
                 "    static: {configMapRef: {name: keys, key: list}}\n");
    return dir_.File("map.yaml", text);
  }();
  struct Case {
    std::vector<std::string> arguments;
    std::string message;
  };
  const Case cases[] = {
      {{"-f", dir_.File("type.yaml", sample + "  retry: {limit: many}\n")},
       "WarmingPolicy shop/pages: spec.retry.limit: "},
      {{"-f", dir_.File("broken.yaml", "kind: [WarmingPolicy\n")}, "broken.yaml: line "},
      {{"-f", dir_.File("empty.yaml", "")}, "empty.yaml: holds no manifest"},
      {{"-f", dir_.path() + "/absent.yaml"},
       "absent.yaml: cannot be read: No such file or directory"},
      {{"-f", dir_.File("schedule.yaml", testing::kSampleSchedule)},
       "the files hold no WarmingPolicy"},
      {{"-f", with_secret}, "Secret \"redis-auth\" is not given; add its manifest with -f FILE"},
      {{"-f", with_secret, "--secret", "redis-auth=" + dir_.path() + "/none"},
       "--secret redis-auth: "},
      {{"-f", with_map}, "ConfigMap \"keys\" is not given; add its manifest with -f FILE"},
      {{"-f", good, "--failed-to", "/no/such/dir/f"},
       "--failed-to /no/such/dir/f: cannot be written"},
      {{"-f", good, "--failed-to", dir_.path()}, "cannot be written: it is a directory"},
      {{"-f", good, "--deadline", "soon"}, "--deadline: "},
      {{"-f", good, "--deadline", "0s"}, "--deadline must be more than 0s"},
      {{"-f", good, "--policy", "other"}, "--policy other: the files hold only shop/pages"},
      {{"-f", good, "-f", dir_.File("again.yaml", sample)}, "again.yaml; leave one out"},
      {{"-f", good, "--outptu", "json"}, "did you mean --output?"},
      {{}, "-f FILE is required"},
  };
  for (const Case& test : cases) {
    std::vector<std::string> arguments = {"run"};
    arguments.insert(arguments.end(), test.arguments.begin(), test.arguments.end());
    const CommandResult run = RunCommand(Stoker(arguments));
    EXPECT_EQ(run.exit_code, 2) << test.message;
    EXPECT_THAT(run.err, HasSubstr(test.message));
    EXPECT_EQ(run.out, "") << test.message;
  }
  ExpectUntouched();
}

// What a manifest of the corpus would reach, were it accepted, is here and would notice. Addresses
// that are themselves what is wrong stay as they are.
std::string PointedHere(std::string text, const std::string& url, const std::string& address) {
  const auto replace_all = [&](std::string_view what, const std::string& with) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
      text.replace(at, what.size(), with);
  };
  replace_all("url: \"http://api.shop/{key}\"\n", "url: \"" + url + "\"\n");
  replace_all("address: redis.shop:6379\n", "address: " + address + "\n");
  return text;
}

TEST_F(StokerRefusalTest, EveryBadManifestIsRefusedInTheWordsOfTheCluster) {
  const std::vector<testing::CorpusFile> files =
      testing::ReadCorpus(STOKER_SOURCE_DIR + "/tests/corpus/bad");
  ASSERT_GE(files.size(), 20U);
  for (const auto& [file, message, field, manifest] : files) {
    const std::string here =
        dir_.File("bad.yaml", PointedHere(manifest, origin_.url("/v/{key}"), redis_.address()));
    const CommandResult run = RunCommand(Stoker({"run", "-f", here, "--deadline", "5s"}));
    EXPECT_EQ(run.exit_code, 2) << file;
    EXPECT_THAT(run.err, HasSubstr(message)) << file;
    EXPECT_EQ(run.out, "") << file;
  }
  ExpectUntouched();
}

}  // namespace
}  // namespace stoker
