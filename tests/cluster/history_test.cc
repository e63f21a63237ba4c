// A policy's runs follow one another - by its spec, by request, by schedule - and leave little
// behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "tests/cluster/quickstart.h"

namespace stoker::testing {
namespace {

using nlohmann::json;
using std::chrono::minutes;
using std::chrono::seconds;

// A patch: this many entries, and one finished run kept.
json Entries(int count) {
  const json id = {{"name", "id"}, {"from", 1}, {"to", count}};
  const json source = {
      {"name", "products"},
      {"pattern", {{"template", "product:{id}"}, {"variables", json::array({id})}}}};
  return {{"spec",
           {{"sources", json::array({source})},
            {"execution", {{"historyLimit", {{"successful", 1}}}}}}}};
}

CommandResult Patch(const std::string& object, const json& patch, const std::string& part = {}) {
  std::vector<std::string> args = {
      "-n", Quickstart::kNamespace, "patch", object, "--type=merge", "-p", patch.dump()};
  if (!part.empty()) args.push_back("--subresource=" + part);
  return Kubectl(args);
}

std::string Names(const json& objects) {
  std::string names;
  for (const json& object : objects) names += object["metadata"].value("name", "") + " ";
  return names;
}

json PlansOf(const std::string& ns) {
  return KubectlJson(
      {"-n", ns, "get", "configmaps", "-l", "stoker.dev/policy=quickstart"})["items"];
}

std::string Last(const Quickstart& quickstart, const std::string& field) {
  return quickstart.Policy()["status"].value(json::json_pointer("/lastRun/" + field), "");
}

class HistoryTest : public QuickstartTest {};

TEST_F(HistoryTest, ChangedSpecAndRequestAreWarmedAndOldRunsGoWithTheirPlans) {
  Quickstart quickstart("quickstart", Entries(10));
  ASSERT_TRUE(quickstart.BecomesWarm(seconds(60)));
  const std::string first = Names(quickstart.Jobs());
  const std::string first_plan = Names(PlansOf(Quickstart::kNamespace));

  ASSERT_EQ(Patch("wp/quickstart", Entries(20)).exit_code, 0);
  ASSERT_TRUE(quickstart.Holds(20));
  EXPECT_TRUE(WaitFor([&] {
    const std::string jobs = Names(quickstart.Jobs());
    return !jobs.empty() && jobs.find(first) == std::string::npos;
  })) << Names(quickstart.Jobs());
  EXPECT_TRUE(WaitFor([&] {
    return Names(PlansOf(Quickstart::kNamespace)).find(first_plan) == std::string::npos;
  })) << Names(PlansOf(Quickstart::kNamespace));
  EXPECT_EQ(quickstart.Arrivals().size(), 20) << "what was warm was fetched again";

  ASSERT_EQ(
      Patch("wp/quickstart", {{"metadata", {{"annotations", {{"stoker.dev/requestedAt", "one"}}}}}})
          .exit_code,
      0);
  EXPECT_TRUE(WaitFor([&] {
    return quickstart.Policy()["status"].value("lastHandledRequest", "") == "one";
  })) << quickstart.Policy()["status"].dump(1);
  EXPECT_EQ(Last(quickstart, "trigger"), "Request");
  EXPECT_EQ(Last(quickstart, "result"), "Succeeded");
}

// The controller was away when the slot came: it is caught up once, and the next slot is told.
TEST_F(HistoryTest, ScheduleCatchesUpItsNewestMissedSlot) {
  Quickstart quickstart("quickstart", Entries(10));
  ASSERT_TRUE(quickstart.BecomesWarm(seconds(60)));
  const json schedule = {
      {"apiVersion", "stoker.dev/v1alpha1"},
      {"kind", "PrewarmSchedule"},
      {"metadata", {{"name", "often"}, {"namespace", Quickstart::kNamespace}}},
      {"spec",
       {{"policyRef", {{"name", "quickstart"}}}, {"schedules", {"* * * * *"}}, {"suspend", true}}}};
  const CommandResult made = Kubectl({"create", "-f", "-"}, schedule.dump());
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const WallTime now = SystemClock().Wall();
  ASSERT_EQ(Patch("pws/often", {{"status", {{"lastScheduleTime", FormatTime(now - minutes(3))}}}},
                  "status")
                .exit_code,
            0);
  ASSERT_EQ(Patch("pws/often", {{"spec", {{"suspend", false}}}}).exit_code, 0);

  json status;
  EXPECT_TRUE(WaitFor([&] {
    status = KubectlJson({"-n", Quickstart::kNamespace, "get", "pws", "often"})["status"];
    return status.value("/lastRun/result"_json_pointer, "") == "Succeeded";
  })) << status.dump(1);
  EXPECT_LE(*ParseTime(status.value("nextScheduleTime", "")) - now, minutes(2));
  EXPECT_EQ(Last(quickstart, "trigger"), "Schedule");
  EXPECT_EQ(quickstart.Arrivals().size(), 10) << "what was warm was fetched again";
}

}  // namespace
}  // namespace stoker::testing
