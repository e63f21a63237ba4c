// The worker program as a pod would run it, without a pod.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>

#include "controller/api/manifest.h"
#include "controller/warming/run/plan_document.h"
#include "controller/warming/run/report.h"
#include "tests/support/nginx_server.h"
#include "tests/support/redis_server.h"
#include "tests/unit/cmd/sample_manifests.h"

namespace stoker {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const std::string kWorker = STOKER_BIN_DIR + "/stoker-worker";
constexpr char kWorkerLocations[] =
    "location /v/ { return 200 \"value of $uri\"; }\n"
    "location = /healthz { return 200; }\n";

class StokerWorkerTest : public ::testing::Test {
 protected:
  void MakePlan(int replicas, int rate) {
    json object =
        api::ParseDocuments(testing::SamplePolicy(origin_.url("/v/{key}"), redis_.address()))
            ->at(0);
    object["spec"]["execution"]["workers"]["replicas"] = replicas;
    object["spec"]["pacing"] = {{"requestsPerSecond", rate}, {"burst", 10}, {"maxInFlight", 10}};
    const auto errors = api::DefaultAndValidate(object);
    ASSERT_TRUE(errors.empty()) << api::ToError(object, errors).message;
    const std::string text = warming::SerializePlan({.policy_namespace = "shop",
                                                     .policy_name = "pages",
                                                     .policy_uid = "u",
                                                     .spec = object["spec"],
                                                     .pinned = {}});
    (void)dir_.File("plan.json", text);
    hash_ = warming::PlanHash(text);
  }

  struct Worker {
    int port;
    std::string log, report;
    std::unique_ptr<testing::Process> process;
  };
  Worker StartWorker(int index, const std::string& hash) {
    const std::string name = dir_.path() + "/worker-" + std::to_string(index);
    Worker worker{testing::FreePort(), name + ".log", name + ".report", nullptr};
    worker.process = std::make_unique<testing::Process>(
        std::vector<std::string>{kWorker, "--plan", dir_.path() + "/plan.json", "--secrets",
                                 dir_.path(), "--configmaps", dir_.path(), "--termination-log",
                                 worker.report, "--address", "127.0.0.1", "--port",
                                 std::to_string(worker.port)},
        worker.log,
        std::map<std::string, std::string>{{"STOKER_PLAN_HASH", hash},
                                           {"STOKER_RUN", "pages-1"},
                                           {"JOB_COMPLETION_INDEX", std::to_string(index)}});
    return worker;
  }
  std::size_t OriginRequests() {
    const std::string log = origin_.AccessLog();
    return static_cast<std::size_t>(std::count(log.begin(), log.end(), '\n'));
  }

  testing::TempDir dir_;
  testing::NginxServer origin_{kWorkerLocations};
  testing::RedisServer redis_;
  std::string hash_;
};

TEST_F(StokerWorkerTest, ThreeWorkersMakeExactlyTheWhole) {
  MakePlan(3, 2000);
  std::vector<Worker> workers;
  for (int index = 0; index < 3; ++index) workers.push_back(StartWorker(index, hash_));
  std::int64_t discovered = 0;
  std::int64_t warmed = 0;
  for (Worker& worker : workers) {
    EXPECT_EQ(worker.process->Wait(), 0) << worker.process->Output();
    const std::string text = testing::ReadFile(worker.report);
    EXPECT_LE(text.size(), 4096U);
    const auto report = warming::ReportFromJson(json::parse(text));
    ASSERT_TRUE(report) << text;
    EXPECT_EQ(report->result, warming::Report::Result::kSucceeded);
    EXPECT_GT(report->progress.tally.discovered, 0);
    discovered += report->progress.tally.discovered;
    warmed += report->progress.tally.warmed;
  }
  EXPECT_EQ(discovered, 200);
  EXPECT_EQ(warmed, 200);
  EXPECT_EQ(redis_.Cli({"DBSIZE"}), "200");
  EXPECT_EQ(OriginRequests(), 200U);  // no entry was fetched twice
}

TEST_F(StokerWorkerTest, ServesHealthAndProgressAndStopsWithinASecond) {
  MakePlan(1, 20);
  Worker worker = StartWorker(0, hash_);
  ASSERT_TRUE(testing::WaitFor([&] { return OriginRequests() >= 5; })) << worker.process->Output();
  const std::string url = "http://127.0.0.1:" + std::to_string(worker.port);
  EXPECT_EQ(testing::RunCommand({"curl", "-sf", url + "/healthz"}).out, "ok\n");
  const json progress = json::parse(testing::RunCommand({"curl", "-sf", url + "/progress"}).out);
  EXPECT_EQ(progress["run"], "pages-1");
  EXPECT_EQ(progress["shard"]["count"], 1);
  EXPECT_TRUE(warming::ProgressFromJson(progress));

  const auto start = std::chrono::steady_clock::now();
  worker.process->Signal(SIGTERM);
  EXPECT_EQ(worker.process->Wait(), 143);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(1500));
  const std::size_t requests = OriginRequests();
  EXPECT_FALSE(testing::WaitFor([&] { return OriginRequests() > requests; },
                                std::chrono::milliseconds(500)));
  const auto report = warming::ReportFromJson(json::parse(testing::ReadFile(worker.report)));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->result, warming::Report::Result::kCancelled);
  EXPECT_GT(report->progress.tally.warmed, 0);
}

TEST_F(StokerWorkerTest, BadInputIsExitCode2AndSaysWhy) {
  MakePlan(1, 2000);
  Worker wrong_plan = StartWorker(0, std::string(64, '0'));
  EXPECT_EQ(wrong_plan.process->Wait(), 2);
  EXPECT_THAT(testing::ReadFile(wrong_plan.report),
              HasSubstr("it was changed after the run began"));
  EXPECT_TRUE(warming::ReportFromJson(json::parse(testing::ReadFile(wrong_plan.report))));
  Worker wrong_index = StartWorker(7, hash_);
  EXPECT_EQ(wrong_index.process->Wait(), 2);
  EXPECT_THAT(testing::ReadFile(wrong_index.report),
              HasSubstr("is not one of the plan's 1 workers"));
  EXPECT_EQ(OriginRequests(), 0U);
}

TEST_F(StokerWorkerTest, LogsAreJsonLinesThatNameTheRun) {
  MakePlan(1, 2000);
  Worker worker = StartWorker(0, hash_);
  EXPECT_EQ(worker.process->Wait(), 0) << worker.process->Output();
  std::istringstream lines(worker.process->Output());
  bool ended = false;
  for (std::string line; std::getline(lines, line);) {
    const json object = json::parse(line);
    EXPECT_EQ(object.value("run", ""), "pages-1") << line;
    ended = ended || object["msg"] == "run ended";
  }
  EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace stoker
