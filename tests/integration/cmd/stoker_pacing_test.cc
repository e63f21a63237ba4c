// stoker run beside an origin that becomes too slow, and in a container that is small.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "tests/integration/cmd/program.h"
#include "tests/support/nginx_server.h"
#include "tests/support/redis_server.h"
#include "tests/support/scripted_server.h"
#include "tests/unit/cmd/sample_manifests.h"

namespace stoker {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using testing::CommandResult;
using ::testing::HasSubstr;
using testing::LastLine;
using testing::RunCommand;
using testing::SamplePolicy;
using testing::Stoker;

constexpr char kSamplePace[] = "{requestsPerSecond: 2000, burst: 50, maxInFlight: 20}";

std::string WithPace(std::string policy, const std::string& pace) {
  return policy.replace(policy.find(kSamplePace), sizeof(kSamplePace) - 1, pace);
}

// Answers from the fiftieth request on after half a second, as long as it is slow.
class TiringOrigin {
 public:
  [[nodiscard]] std::string url() const { return "http://" + server_.address() + "/{key}"; }
  [[nodiscard]] int Requests() const { return requests_; }
  void Recover() {
    const std::lock_guard lock(mutex_);
    slow_ = false;
    recovered_.notify_all();
  }

 private:
  void Serve(testing::ScriptedServer::Peer& peer) {
    std::string in;
    while (peer.Receive(in)) {
      for (auto end = in.find("\r\n\r\n"); end != std::string::npos; end = in.find("\r\n\r\n")) {
        in.erase(0, end + 4);
        if (++requests_ > 50) HoldBack();
        if (!peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nvalue")) return;
      }
    }
  }

  void HoldBack() {
    std::unique_lock lock(mutex_);
    recovered_.wait_for(lock, milliseconds(500), [this] { return !slow_; });
  }

  std::atomic<int> requests_{0};
  std::mutex mutex_;
  std::condition_variable recovered_;
  bool slow_ = true;  // protected by mutex_
  testing::ScriptedServer server_{[this](testing::ScriptedServer::Peer& peer) { Serve(peer); }};
};

TEST(StokerPacing, AnEmergencyStopEndsTheRunSaysWhyAndTheNextOneGoesOn) {
  testing::TempDir dir;
  const testing::RedisServer redis;
  TiringOrigin origin;
  const std::string policy =
      dir.File("policy.yaml",
               WithPace(SamplePolicy(origin.url(), redis.address()),
                        "{requestsPerSecond: 500, maxInFlight: 8, latency: {stopAbove: 200ms}}"));
  const CommandResult first = RunCommand(Stoker({"run", "-f", policy, "-o", "json"}));
  EXPECT_EQ(first.exit_code, 1) << first.err;
  const json tally = LastLine(first.out);
  EXPECT_EQ(tally["reason"], "EmergencyStopped");
  EXPECT_THAT(tally["message"].get<std::string>(), HasSubstr("took longer than 200ms"));
  EXPECT_THAT(tally["message"].get<std::string>(), HasSubstr("run this again"));
  EXPECT_LE(origin.Requests(), 50 + 2 * 8);
  EXPECT_EQ(tally["warmed"], origin.Requests()) << "what was in flight was written";

  origin.Recover();
  const CommandResult second = RunCommand(Stoker({"run", "-f", policy, "-o", "json"}));
  EXPECT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(LastLine(second.out)["skipped"], tally["warmed"]);
  EXPECT_EQ(origin.Requests(), 200) << "nothing was fetched twice";
}

// A memory cgroup (version 1) of this test's own.
class MemoryGroup {
 public:
  explicit MemoryGroup(std::int64_t limit)
      : folder_("/sys/fs/cgroup/memory/stoker_test." + std::to_string(getpid())) {
    std::error_code error;
    made_ = std::filesystem::exists("/sys/fs/cgroup/memory/memory.limit_in_bytes", error) &&
            std::filesystem::create_directory(folder_, error);
    if (made_) std::ofstream(folder_ / "memory.limit_in_bytes") << limit;
  }
  ~MemoryGroup() {
    std::error_code ignored;
    if (made_) std::filesystem::remove(folder_, ignored);
  }
  MemoryGroup(const MemoryGroup&) = delete;
  MemoryGroup& operator=(const MemoryGroup&) = delete;
  [[nodiscard]] bool made() const { return made_; }
  [[nodiscard]] std::vector<std::string> Inside(const std::vector<std::string>& argv) const {
    std::vector<std::string> shell = {
        "sh", "-c", "echo $$ >" + (folder_ / "cgroup.procs").string() + " && exec \"$@\"", "sh"};
    shell.insert(shell.end(), argv.begin(), argv.end());
    return shell;
  }
  [[nodiscard]] std::int64_t Read(const char* file) const {
    std::int64_t value = 0;
    std::ifstream(folder_ / file) >> value;
    return value;
  }

 private:
  const std::filesystem::path folder_;
  bool made_ = false;
};

TEST(StokerPacing, ARunInASmallContainerIsNotKilled) {
  constexpr std::int64_t kLimit = 96 << 20;
  const MemoryGroup group(kLimit);
  if (!group.made()) GTEST_SKIP() << "needs root and memory cgroups of version 1";
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  GTEST_SKIP() << "what the sanitizer takes itself is more than the container has";
#endif
  testing::TempDir dir;
  testing::NginxServer origin("location / { root www; }");
  origin.Put("big", std::string(2 << 20, 'v'));
  const testing::RedisServer redis;
  const std::string policy =
      dir.File("policy.yaml", WithPace(SamplePolicy(origin.url("/big?{key}"), redis.address()),
                                       "{requestsPerSecond: 2000, burst: 50, maxInFlight: 100}"));
  const CommandResult run = RunCommand(group.Inside(Stoker({"run", "-f", policy, "-o", "json"})));
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(LastLine(run.out)["warmed"], 200);
  std::cerr << "most memory " << (group.Read("memory.max_usage_in_bytes") >> 20) << " of "
            << (kLimit >> 20) << " MiB, limit hit " << group.Read("memory.failcnt") << " times\n";
}

}  // namespace
}  // namespace stoker
