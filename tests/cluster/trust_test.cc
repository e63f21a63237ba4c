// Who may make Stoker warm: a policy whose references are there, and nobody by a Job of their own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/cluster/quickstart.h"

namespace stoker::testing {
namespace {

using nlohmann::json;
using std::chrono::seconds;

constexpr char kEditor[] = "--as=tester";

CommandResult In(std::vector<std::string> args, const json& input = {}) {
  args.insert(args.begin(), {"-n", Quickstart::kNamespace});
  return Kubectl(args, input.is_null() ? std::string() : input.dump());
}

// A Job as Stoker's own would look, made by somebody else.
json ForgedJob(const std::string& name, const json& policy) {
  const json labels = {{"app.kubernetes.io/managed-by", "stoker"},
                       {"stoker.dev/policy", "quickstart"},
                       {"stoker.dev/run", name}};
  json job = {
      {"apiVersion", "batch/v1"},
      {"kind", "Job"},
      {"metadata", {{"name", name}, {"labels", labels}}},
      {"spec",
       {{"managedBy", "stoker.dev/in-process"},
        {"template",
         {{"spec",
           {{"restartPolicy", "Never"},
            {"containers", {{{"name", "worker"}, {"image", "localhost/stoker:dev"}}}}}}}}}}};
  if (!policy.is_null()) {
    job["metadata"]["ownerReferences"] = json::array({{{"apiVersion", "stoker.dev/v1alpha1"},
                                                       {"kind", "WarmingPolicy"},
                                                       {"name", policy["metadata"]["name"]},
                                                       {"uid", policy["metadata"]["uid"]},
                                                       {"controller", true}}});
  }
  return job;
}

std::string EventsOf(const std::string& kind, const std::string& name) {
  return In({"get", "events", "--field-selector",
             "involvedObject.kind=" + kind + ",involvedObject.name=" + name, "-o",
             "jsonpath={range .items[*]}{.reason}: {.message}{\"\\n\"}{end}"})
      .out;
}

class TrustTest : public QuickstartTest {};

TEST_F(TrustTest, ForgedJobIsNotExecuted) {
  const Quickstart quickstart("quickstart", {{"spec", {{"suspend", true}}}});
  In({"delete", "rolebinding", "tester", "--ignore-not-found"});
  ASSERT_EQ(
      In({"create", "rolebinding", "tester", "--clusterrole=edit", "--user=tester"}).exit_code, 0);
  ASSERT_TRUE(
      WaitFor([&] { return In({"auth", "can-i", "create", "jobs", kEditor}).exit_code == 0; }));
  ASSERT_TRUE(WaitFor([&] { return Is(quickstart.Policy(), "Ready"); }));

  const struct {
    const char* name;
    json owner;
  } kCases[] = {{"forged-alone", nullptr}, {"forged-of-a-live-policy", quickstart.Policy()}};
  for (const auto& c : kCases) {
    const CommandResult made = In({"create", kEditor, "-f", "-"}, ForgedJob(c.name, c.owner));
    ASSERT_EQ(made.exit_code, 0) << made.err;
    EXPECT_TRUE(WaitFor([&] {
      return EventsOf("Job", c.name).find("ForgedRun") != std::string::npos;
    })) << c.name
        << ": " << EventsOf("Job", c.name);
  }
  for (const auto& c : kCases) {
    const json job = KubectlJson({"-n", Quickstart::kNamespace, "get", "job", c.name});
    EXPECT_EQ(job["status"], json::object()) << c.name << " was touched";
    In({"delete", "job", c.name});
  }
  EXPECT_THAT(quickstart.Arrivals(), ::testing::IsEmpty());
  EXPECT_EQ(quickstart.RedisKeys(), 0);
}

TEST_F(TrustTest, MissingSecretIsToldAndHealsWhenItAppears) {
  json patch = Quickstart::Slow(10'000, 20, 20);
  patch["spec"]["origins"][0]["http"]["url"] = "http://origin.quickstart.svc/{key}";
  patch["spec"]["origins"][0]["http"]["headersSecretRef"] = {{"name", "origin-headers"}};
  Quickstart quickstart("quickstart", patch);
  ASSERT_TRUE(WaitFor([&] { return !quickstart.Policy()["status"]["conditions"].is_null(); }));
  const std::string ready = "jsonpath={.status.conditions[?(@.type==\"Ready\")]}";
  ASSERT_TRUE(WaitFor([&] {
    const auto condition =
        json::parse(In({"get", "wp", "quickstart", "-o", ready}).out, nullptr, false);
    return condition.is_object() && condition.value("status", "") == "False" &&
           condition.value("reason", "") == "SecretNotFound" &&
           condition.value("message", "").find("origin-headers") != std::string::npos;
  })) << quickstart.Policy()["status"].dump(1);
  EXPECT_THAT(EventsOf("WarmingPolicy", "quickstart"), ::testing::HasSubstr("SecretNotFound"));
  EXPECT_THAT(quickstart.Jobs(), ::testing::IsEmpty());

  ASSERT_EQ(
      In({"create", "secret", "generic", "origin-headers", "--from-literal=X-Token=one"}).exit_code,
      0);
  EXPECT_TRUE(quickstart.BecomesWarm(seconds(60)));  // looked at again every 30 s
  EXPECT_EQ(quickstart.RedisKeys(), kQuickstartEntries);

  // It is asked for again when the next run is due.
  ASSERT_EQ(In({"delete", "secret", "origin-headers"}).exit_code, 0);
  ASSERT_EQ(In({"annotate", "wp", "quickstart", "stoker.dev/requestedAt=again"}).exit_code, 0);
  EXPECT_TRUE(WaitFor([&] { return !Is(quickstart.Policy(), "Ready"); }));
  EXPECT_TRUE(Is(quickstart.Policy(), "Warm")) << "the entries are as warm as before";
}

}  // namespace
}  // namespace stoker::testing
