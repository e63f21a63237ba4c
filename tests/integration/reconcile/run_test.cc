// The whole way on real parts: a policy applied, a Job, entries from nginx in Redis, a status.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/reconcile/cluster.h"

namespace stoker::testing {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kPoll{200};

class RunTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { controller = std::make_unique<ControllerProcess>("run-test"); }
  static void TearDownTestSuite() {
    if (!controller) return;  // the set-up failed and said why
    controller->process().Signal(SIGTERM);
    EXPECT_EQ(controller->process().Wait(seconds(10)), 0) << controller->process().Output();
    controller.reset();
  }
  void TearDown() override {
    if (HasFailure()) std::cerr << controller->process().Output() << "\n";
  }
  static bool AwaitCondition(const Shop& shop, const std::string& name, const std::string& type,
                             const std::string& expected, seconds timeout = seconds(20)) {
    const bool came =
        WaitFor([&] { return shop.Condition("wp", name, type) == expected; }, timeout, kPoll);
    if (!came) std::cerr << shop.Get("wp", name).dump(2) << "\n";
    return came;
  }
  static std::string Events(const Shop& shop) {
    return Cluster()
        .Kubectl({"-n", shop.ns(), "get", "events.events.k8s.io", "-o",
                  "jsonpath={range .items[*]}{.reason}:{.regarding.name} {end}"})
        .out;
  }
  static std::unique_ptr<ControllerProcess> controller;
};
std::unique_ptr<ControllerProcess> RunTest::controller;

TEST_F(RunTest, InProcessRunWarmsCompletesItsJobAndSaysSo) {
  Shop shop;
  shop.Apply(shop.Policy("pages", 1000));
  ASSERT_TRUE(AwaitCondition(shop, "pages", "Warm", "True/Warmed"));
  const json policy = shop.Get("wp", "pages");
  const json& status = policy["status"];
  EXPECT_EQ(shop.Keys(), 1000);
  EXPECT_EQ(status["progress"]["percent"], 100);
  EXPECT_EQ(status["progress"]["warmed"], 1000);
  EXPECT_EQ(status["lastRun"]["result"], "Succeeded");
  EXPECT_FALSE(status.contains("activeRun"));
  EXPECT_EQ(shop.Condition("wp", "pages", "Ready"), "True/Accepted");
  EXPECT_EQ(shop.Condition("wp", "pages", "Reconciling"), "");

  const std::string run = status["lastRun"]["name"];
  const json job = shop.Get("job", run);
  EXPECT_EQ(shop.Condition("job", run, "Complete"), "True/CompletionsReached");
  EXPECT_EQ(job["spec"]["managedBy"], "stoker.dev/in-process");
  EXPECT_EQ(job["status"].value("active", 0), 0);
  EXPECT_TRUE(
      WaitFor([&] { return shop.Get("job", run)["spec"].contains("ttlSecondsAfterFinished"); },
              seconds(10), kPoll));
  EXPECT_EQ(Cluster().MustKubectl({"-n", shop.ns(), "get", "pods", "-o", "name"}), "");
  EXPECT_TRUE(WaitFor([&] { return Events(shop).find("RunCompleted:pages") != std::string::npos; },
                      seconds(10), kPoll));
}

TEST_F(RunTest, ARequestRunsAgainAndIsAnsweredWhenItsRunEnded) {
  Shop shop;
  shop.Apply(shop.Policy("pages", 50));
  ASSERT_TRUE(AwaitCondition(shop, "pages", "Warm", "True/Warmed"));
  const std::string first = shop.Get("wp", "pages")["status"]["lastRun"]["name"];
  Cluster().MustKubectl(
      {"-n", shop.ns(), "annotate", "wp", "pages", "stoker.dev/requestedAt=tuesday"});
  ASSERT_TRUE(WaitFor(
      [&] {
        return shop.Get("wp", "pages")["status"].value("lastHandledRequest", "") == "tuesday";
      },
      seconds(20), kPoll));
  const json last = shop.Get("wp", "pages")["status"]["lastRun"];
  EXPECT_NE(last["name"], first);
  EXPECT_EQ(last["trigger"], "Request");
  EXPECT_EQ(last["skipped"], 50) << "what is held is not fetched again";
  EXPECT_EQ(shop.Requests(), 50);
}

TEST_F(RunTest, AnEditDuringARunChangesTheNextOne) {
  Shop shop;
  shop.Apply(shop.Policy("pages", 300, {{"pacing", {{"requestsPerSecond", 100}, {"burst", 1}}}}));
  ASSERT_TRUE(WaitFor([&] { return shop.Keys() > 20; }, seconds(20), kPoll));
  // Slow enough for the first run's end to be seen before the second's.
  shop.Apply(shop.Policy("pages", 320, {{"pacing", {{"requestsPerSecond", 10}, {"burst", 1}}}}));
  ASSERT_TRUE(WaitFor([&] { return shop.Get("wp", "pages")["status"].contains("lastRun"); },
                      seconds(20), kPoll));
  EXPECT_EQ(shop.Get("wp", "pages")["status"]["lastRun"]["discovered"], 300);
  ASSERT_TRUE(WaitFor(
      [&] { return shop.Get("wp", "pages")["status"]["lastRun"].value("discovered", 0) == 320; },
      seconds(20), kPoll));
  EXPECT_EQ(shop.Keys(), 320);
}

TEST_F(RunTest, DeletingTheJobStopsTheOriginWithinASecond) {
  Shop shop;
  shop.Apply(shop.Policy("pages", 5000, {{"pacing", {{"requestsPerSecond", 200}, {"burst", 1}}}}));
  ASSERT_TRUE(WaitFor([&] { return shop.Keys() > 50; }, seconds(20), kPoll));
  const std::string run = shop.Get("wp", "pages")["status"]["activeRun"]["name"];
  Cluster().MustKubectl({"-n", shop.ns(), "delete", "job", run, "--wait=false"});
  const auto deleted = std::chrono::steady_clock::now();
  auto last = deleted;
  int requests = shop.Requests();
  ASSERT_TRUE(WaitFor([&] {
    const auto now = std::chrono::steady_clock::now();
    if (const int more = shop.Requests(); more != requests) {
      requests = more;
      last = now;
    }
    return now - last > seconds(1);
  })) << "the run is still alive";
  EXPECT_LE(last - deleted, seconds(1));
  EXPECT_TRUE(AwaitCondition(shop, "pages", "Warm", "False/Cancelled"));
  EXPECT_EQ(shop.Requests(), requests) << "a deleted run does not start again by itself";
  EXPECT_FALSE(shop.Get("wp", "pages")["status"].contains("activeRun"));
}

// As Kueue does, which owns the Job's spec.suspend. The API server refuses a startTime that changes at
// any other moment than these.
TEST_F(RunTest, AJobThatOthersSuspendPausesAndGoesOnWhenTheyResumeIt) {
  Shop shop;
  shop.Apply(shop.Policy("pages", 600, {{"pacing", {{"requestsPerSecond", 150}, {"burst", 1}}}}));
  ASSERT_TRUE(WaitFor([&] { return shop.Keys() > 30; }, seconds(20), kPoll));
  const std::string run = shop.Get("wp", "pages")["status"]["activeRun"]["name"];
  const auto suspend = [&](bool on) {
    const json patch = {{"spec", {{"suspend", on}}}};
    Cluster().MustKubectl(
        {"-n", shop.ns(), "patch", "job", run, "--type=merge", "-p", patch.dump()});
  };
  suspend(true);
  ASSERT_TRUE(
      WaitFor([&] { return shop.Condition("job", run, "Suspended") == "True/JobSuspended"; },
              seconds(10), kPoll));
  const json held = shop.Get("job", run)["status"];
  EXPECT_FALSE(held.contains("startTime")) << held;
  EXPECT_EQ(held.value("active", 0), 0);
  const int before = shop.Requests();
  EXPECT_FALSE(WaitFor([&] { return shop.Requests() != before; }, seconds(2), kPoll))
      << "a suspended run asks the origin for nothing";
  EXPECT_TRUE(shop.Get("wp", "pages")["status"].contains("activeRun")) << "it is not over";

  suspend(false);
  ASSERT_TRUE(AwaitCondition(shop, "pages", "Warm", "True/Warmed"));
  EXPECT_EQ(shop.Condition("job", run, "Complete"), "True/CompletionsReached");
  EXPECT_EQ(shop.Condition("job", run, "Suspended"), "False/JobResumed");
  EXPECT_EQ(shop.Requests(), 600) << "nothing was fetched twice";
  EXPECT_EQ(shop.Get("wp", "pages")["status"]["lastRun"]["name"], run);
  EXPECT_THAT(controller->process().Output(), ::testing::Not(::testing::HasSubstr("startTime")))
      << "the API server refused a status";
}

TEST_F(RunTest, AForgedJobIsToldOfAndNotExecuted) {
  Shop shop;
  shop.Apply(shop.Policy("pages", 20));
  ASSERT_TRUE(AwaitCondition(shop, "pages", "Warm", "True/Warmed"));
  const std::string run = shop.Get("wp", "pages")["status"]["lastRun"]["name"];
  json forged = shop.Get("job", run);
  forged["metadata"] = {{"name", "forged"},
                        {"namespace", shop.ns()},
                        {"labels", forged["metadata"]["labels"]},
                        {"annotations", forged["metadata"]["annotations"]},
                        {"ownerReferences", forged["metadata"]["ownerReferences"]}};
  forged.erase("status");
  forged["spec"].erase("selector");
  json& labels = forged["spec"]["template"]["metadata"]["labels"];
  for (const char* label : {"batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name",
                            "controller-uid", "job-name"}) {
    labels.erase(label);
    forged["metadata"]["labels"].erase(label);
  }
  EXPECT_EQ(shop.redis().Cli({"FLUSHALL"}), "OK");
  Cluster().MustKubectl({"create", "-f", "-"}, forged.dump());
  EXPECT_TRUE(WaitFor([&] { return Events(shop).find("ForgedRun:forged") != std::string::npos; },
                      seconds(20), kPoll));
  EXPECT_EQ(shop.Keys(), 0);
  EXPECT_FALSE(shop.Get("job", "forged").value("status", json::object()).contains("startTime"));
}

TEST_F(RunTest, WithoutTheLabelAnInProcessRunIsRefusedAndTheLabelHealsIt) {
  Shop shop("location / { return 200 value; }", false);
  shop.Apply(shop.Policy("pages", 10, {{"execution", {{"mode", "InProcess"}}}}));
  ASSERT_TRUE(AwaitCondition(shop, "pages", "Ready", "False/InProcessNotAllowed"));
  Cluster().MustKubectl({"label", "ns", shop.ns(), "stoker.dev/in-process=allowed"});
  EXPECT_TRUE(AwaitCondition(shop, "pages", "Warm", "True/Warmed"));
}

TEST_F(RunTest, AMissingSecretIsNamed) {
  Shop shop;
  json policy = shop.Policy("pages", 10);
  policy["spec"]["origins"][0]["http"]["headersSecretRef"] = {{"name", "token"}};
  shop.Apply(policy);
  ASSERT_TRUE(AwaitCondition(shop, "pages", "Ready", "False/SecretNotFound"));
  EXPECT_EQ(shop.Requests(), 0);
  Cluster().MustKubectl(
      {"-n", shop.ns(), "create", "secret", "generic", "token", "--from-literal=X-Token=t"});
  EXPECT_TRUE(AwaitCondition(shop, "pages", "Warm", "True/Warmed"));
}

TEST_F(RunTest, APodsRunIsAnIndexedJobThatTheServerAccepts) {
  Shop shop;
  shop.Apply(shop.Policy("pages", 10,
                         {{"execution", {{"mode", "Pods"}, {"workers", {{"replicas", 3}}}}}}));
  ASSERT_TRUE(WaitFor(
      [&] {
        return Cluster().Kubectl({"-n", shop.ns(), "get", "pods", "-o", "name"}).out.size() > 20;
      },
      seconds(20), kPoll));
  const json run = shop.Get("wp", "pages")["status"]["activeRun"];
  EXPECT_EQ(run["mode"], "Pods");
  EXPECT_EQ(shop.Get("job", run["name"])["spec"]["completionMode"], "Indexed");
  Cluster().MustKubectl({"-n", shop.ns(), "delete", "job", run["name"]});
  EXPECT_TRUE(AwaitCondition(shop, "pages", "Warm", "False/Cancelled"));
}

TEST_F(RunTest, AScheduleWithoutItsPolicySaysSoAndHeals) {
  Shop shop;
  json policy = shop.Policy("pages", 10, {{"triggers", {{"onChange", false}}}});
  shop.Apply({{"apiVersion", "stoker.dev/v1alpha1"},
              {"kind", "PrewarmSchedule"},
              {"metadata", {{"name", "often"}, {"namespace", shop.ns()}}},
              {"spec", {{"policyRef", {{"name", "pages"}}}, {"schedules", {"@every 3s"}}}}});
  ASSERT_TRUE(
      WaitFor([&] { return shop.Condition("pws", "often", "Ready") == "False/PolicyNotFound"; },
              seconds(20), kPoll));
  shop.Apply(policy);
  ASSERT_TRUE(WaitFor(
      [&] {
        return shop.Get("pws", "often")["status"]
                   .value("lastRun", json::object())
                   .value("result", "") == "Succeeded";
      },
      seconds(30), kPoll))
      << shop.Get("pws", "often").dump(2) << shop.Get("wp", "pages").dump(2);
  EXPECT_EQ(shop.Get("wp", "pages")["status"]["lastRun"]["trigger"], "Schedule");
  EXPECT_EQ(shop.Keys(), 10);
}

// Both get by the schema, which knows neither the zones of this machine nor the calendar.
TEST_F(RunTest, AScheduleThatNeverComesIsStalledAndMendedByAnEdit) {
  Shop shop;
  json schedule = {{"apiVersion", "stoker.dev/v1alpha1"},
                   {"kind", "PrewarmSchedule"},
                   {"metadata", {{"name", "odd"}, {"namespace", shop.ns()}}},
                   {"spec",
                    {{"policyRef", {{"name", "pages"}}},
                     {"schedules", {"0 7 * * *"}},
                     {"timeZone", "Mars/Olympus_Mons"}}}};
  shop.Apply(shop.Policy("pages", 10, {{"triggers", {{"onChange", false}}}}));
  const auto comes = [&](const std::string& ready, const std::string& stalled) {
    return WaitFor(
        [&] {
          return shop.Condition("pws", "odd", "Ready") == ready &&
                 shop.Condition("pws", "odd", "Stalled") == stalled;
        },
        seconds(20), kPoll);
  };
  shop.Apply(schedule);
  EXPECT_TRUE(comes("False/UnknownTimeZone", "True/UnknownTimeZone"))
      << shop.Get("pws", "odd").dump(2);
  schedule["spec"]["timeZone"] = "Europe/Berlin";
  schedule["spec"]["schedules"] = {"0 0 30 2 *"};
  shop.Apply(schedule);
  EXPECT_TRUE(comes("False/InvalidSchedule", "True/InvalidSchedule"))
      << shop.Get("pws", "odd").dump(2);
  EXPECT_FALSE(shop.Get("pws", "odd")["status"].contains("nextScheduleTime"));
  schedule["spec"]["schedules"] = {"0 0 28 2 *"};
  shop.Apply(schedule);
  EXPECT_TRUE(comes("True/Scheduled", "")) << shop.Get("pws", "odd").dump(2);
}

}  // namespace
}  // namespace stoker::testing
