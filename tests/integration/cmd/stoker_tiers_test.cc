// The stoker program that is killed while it fills two tiers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <random>
#include <set>
#include <utility>

#include "tests/integration/cmd/program.h"
#include "tests/support/redis_server.h"

namespace stoker {
namespace {

using testing::LastLine;
using testing::LinesOf;
using testing::RedisServer;
using testing::RunCommand;
using testing::Stoker;

constexpr int kPages = 60'000;

class StokerTiersTest : public ::testing::Test {
 protected:
  static std::size_t Size(const RedisServer& redis) { return std::stoul(redis.Cli({"DBSIZE"})); }
  // Of the upper tier, those that the lower one lacks.
  [[nodiscard]] std::vector<std::string> Unfounded() const {
    const std::vector<std::string> above = LinesOf(upper_.Cli({"KEYS", "*"}));
    const std::vector<std::string> held = LinesOf(lower_.Cli({"KEYS", "*"}));
    const std::set<std::string> below(held.begin(), held.end());
    std::vector<std::string> unfounded;
    for (const std::string& key : above) {
      if (!below.contains(key)) unfounded.push_back(key);
    }
    return unfounded;
  }

  testing::TempDir dir_;
  RedisServer lower_, upper_;
  std::vector<std::string> command_ =
      Stoker({"run", "-o", "json", "-f",
              dir_.File("policy.yaml",
                        "apiVersion: stoker.dev/v1alpha1\nkind: WarmingPolicy\n"
                        "metadata: {name: pages}\nspec:\n"
                        "  sources: [{name: pages, pattern: {template: 'page:{id}', "
                        "variables: [{name: id, from: 1, to: " +
                            std::to_string(kPages) +
                            "}], value: 'page {id}'}}]\n"
                            "  targets:\n  - {name: lower, redis: {address: '" +
                            lower_.address() + "'}}\n  - {name: upper, redis: {address: '" +
                            upper_.address() + "'}, minScore: 1}\n")});
};

TEST_F(StokerTiersTest, KilledAtAnyMomentLeavesNothingAboveThatIsNotBelow) {
  const auto seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 chance(seed);
  for (int i = 0; i < 5; ++i) {
    const std::size_t until = Size(upper_) + chance() % 5000 + 1;
    testing::Process run(command_, dir_.path() + "/output");
    ASSERT_TRUE(testing::WaitFor([&] { return Size(upper_) >= until; })) << run.Output();
    run.Signal(SIGKILL);
    run.Wait();
    EXPECT_THAT(Unfounded(), ::testing::IsEmpty());
  }
  const testing::CommandResult last = RunCommand(command_);
  ASSERT_EQ(last.exit_code, 0) << last.err;
  EXPECT_TRUE(testing::AddsUp(LastLine(last.out))) << last.out;
  EXPECT_EQ(Size(lower_), static_cast<std::size_t>(kPages));
  EXPECT_EQ(Size(upper_), static_cast<std::size_t>(kPages));
}

// The lower tier stands still while the run goes on: nothing may overtake it.
TEST_F(StokerTiersTest, KilledWhileTheLowerTierHangsLeavesNothingAboveThatIsNotBelow) {
  testing::Process run(command_, dir_.path() + "/output");
  ASSERT_TRUE(testing::WaitFor([&] { return Size(upper_) >= 500; })) << run.Output();
  ASSERT_EQ(lower_.Cli({"CLIENT", "PAUSE", "60000", "WRITE"}), "OK");
  std::size_t before = 0;
  ASSERT_TRUE(testing::WaitFor([&] {
    const std::size_t now = Size(upper_);
    return std::exchange(before, now) == now;
  }));
  ASSERT_LT(Size(upper_), static_cast<std::size_t>(kPages)) << "the run was over before the pause";
  run.Signal(SIGKILL);
  run.Wait();
  EXPECT_THAT(Unfounded(), ::testing::IsEmpty());
}

}  // namespace
}  // namespace stoker
