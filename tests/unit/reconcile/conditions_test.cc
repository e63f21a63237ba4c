// Conditions, and that docs/conditions.md says what the code does: each row of its tables is made.

#include "controller/reconcile/conditions.h"

#include <gtest/gtest.h>
#include <re2/re2.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "controller/reconcile/policy_status.h"
#include "tests/unit/reconcile/samples.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;
using samples::Noon;
using warming::Report;

TEST(Conditions, OnlyAChangeOfStatusMovesTheTransitionTime) {
  json status;
  SetCondition(status, {"Warm", "False", "Running", "one", 1}, samples::At("2026-11-27T10:00:00Z"));
  SetCondition(status, {"Warm", "False", "RunFailed", "two", 2},
               samples::At("2026-11-27T11:00:00Z"));
  EXPECT_EQ((*FindCondition(status, "Warm"))["lastTransitionTime"], "2026-11-27T10:00:00Z");
  EXPECT_EQ(ConditionReason(status, "Warm"), "RunFailed");
  SetCondition(status, {"Warm", "True", "Warmed", "three", 2}, Noon());
  EXPECT_EQ((*FindCondition(status, "Warm"))["lastTransitionTime"], "2026-11-27T12:00:00Z");
  const json before = status;
  SetCondition(status, {"Warm", "True", "Warmed", "three", 2}, samples::At("2026-11-27T13:00:00Z"));
  EXPECT_EQ(status, before) << "nothing new, nothing written";
  RemoveCondition(status, "Warm");
  EXPECT_EQ(status["conditions"], json::array());
}

TEST(Conditions, LongMessagesAreCutBetweenCharacters) {
  EXPECT_EQ(Capped("short", 10), "short");
  EXPECT_EQ(Capped("0123456789x", 10), "0123456...");
  EXPECT_EQ(Capped("012345\xC3\xA4\xC3\xA4\xC3\xA4", 10), "012345...") << "not through an umlaut";
}

struct WarmCase {
  const char* name;
  std::function<void(json& status)> make;
  const char* expected;  // status/reason
};
class Warm : public ::testing::TestWithParam<WarmCase> {};

Report Ended(Report::Result result, const char* reason) {
  Report report;
  report.result = result;
  report.reason = reason;
  report.first_expiry = samples::At("2026-11-27T13:00:00Z");
  return report;
}
void End(json& status, Report::Result result, const char* reason) {
  WriteRunEnd(status, *ReadActiveRun({{"activeRun", samples::Active()}}), Ended(result, reason), 1,
              "h1", Noon());
}
void Run(json& status, const char* at = "2026-11-27T12:30:00Z") {
  WriteWarmRunning(status, *ReadActiveRun({{"activeRun", samples::Active()}}), nullptr, 1,
                   samples::At(at));
}

const std::vector<WarmCase>& WarmCases() {
  using Result = Report::Result;
  static const std::vector<WarmCase> cases = {
      {"never", [](json& s) { WriteWarmIdle(s, 1, "h1", Noon()); }, "False/NeverWarmed"},
      {"running", [](json& s) { Run(s); }, "False/Running"},
      {"warmed", [](json& s) { End(s, Result::kSucceeded, "Warmed"); }, "True/Warmed"},
      {"warmAndRunning",
       [](json& s) {
         End(s, Result::kSucceeded, "Warmed");
         Run(s);
       },
       "True/Warmed"},
      {"expiredAndRunning",
       [](json& s) {
         End(s, Result::kSucceeded, "Warmed");
         Run(s, "2026-11-27T14:00:00Z");
       },
       "False/Running"},
      {"below", [](json& s) { End(s, Result::kFailed, "BelowMinimum"); }, "False/BelowMinimum"},
      {"failed", [](json& s) { End(s, Result::kFailed, "TargetAuth"); }, "False/RunFailed"},
      {"cancelled", [](json& s) { End(s, Result::kCancelled, "Cancelled"); }, "False/Cancelled"},
      {"expired",
       [](json& s) {
         End(s, Result::kSucceeded, "Warmed");
         WriteWarmIdle(s, 1, "h1", samples::At("2026-11-27T13:00:00Z"));
       },
       "False/Expired"},
  };
  return cases;
}

std::string Pair(const json& status, const char* type) {
  const json* condition = FindCondition(status, type);
  if (condition == nullptr) return "";
  return (*condition)["status"].get<std::string>() + "/" +
         (*condition)["reason"].get<std::string>();
}

TEST_P(Warm, SaysWhatTheLastRunLeft) {
  json status = json::object();
  GetParam().make(status);
  EXPECT_EQ(Pair(status, kWarm), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(Table, Warm, ::testing::ValuesIn(WarmCases()),
                         [](const auto& info) { return info.param.name; });

struct ReadyCase {
  const char* name;
  std::function<void(PolicyObserved& observed)> change;
  const char* ready;
  const char* reconciling;
  const char* stalled;
};
class ReadyTrio : public ::testing::TestWithParam<ReadyCase> {};

const std::vector<ReadyCase>& ReadyCases() {
  const auto missing = [](const char* reason) {
    return [reason](PolicyObserved& o) { o.references = std::vector<Problem>{{reason, "no"}}; };
  };
  static const std::vector<ReadyCase> cases = {
      {"firstSight", [](PolicyObserved& o) { o.object.erase("status"); }, "Unknown/Pending",
       "True/NewGeneration", ""},
      {"good", [](PolicyObserved&) {}, "True/Accepted", "", ""},
      {"invalid", [](PolicyObserved& o) { o.policy = Invalid("spec.x: no"); }, "False/InvalidSpec",
       "", "True/InvalidSpec"},
      {"secret", missing("SecretNotFound"), "False/SecretNotFound", "True/ProgressingWithRetry",
       ""},
      {"configMap", missing("ConfigMapNotFound"), "False/ConfigMapNotFound",
       "True/ProgressingWithRetry", ""},
      {"secretForbidden", missing("SecretForbidden"), "False/SecretForbidden",
       "True/ProgressingWithRetry", ""},
      {"configMapForbidden", missing("ConfigMapForbidden"), "False/ConfigMapForbidden",
       "True/ProgressingWithRetry", ""},
      {"notAllowed",
       [](PolicyObserved& o) { o.policy->spec.execution.mode = api::Execution::Mode::kInProcess; },
       "False/InProcessNotAllowed", "True/ProgressingWithRetry", ""},
  };
  return cases;
}

TEST_P(ReadyTrio, SaysWhetherThePolicyIsLookedAfter) {
  PolicyObserved observed = samples::Observe(samples::ReadyPolicy());
  GetParam().change(observed);
  const json status = DecidePolicy(observed, Noon()).status;
  EXPECT_EQ(Pair(status, kReady), GetParam().ready);
  EXPECT_EQ(Pair(status, kReconciling), GetParam().reconciling);
  EXPECT_EQ(Pair(status, kStalled), GetParam().stalled);
}

INSTANTIATE_TEST_SUITE_P(Table, ReadyTrio, ::testing::ValuesIn(ReadyCases()),
                         [](const auto& info) { return info.param.name; });

// "status/reason" of the rows below the heading line that starts with `heading`.
std::set<std::string> DocumentedRows(const std::string& heading) {
  std::ifstream file(std::string(STOKER_SOURCE_DIR) + "/docs/conditions.md");
  std::set<std::string> rows;
  bool within = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("| " + heading + " |")) {
      within = rows.empty();  // the first such table is the policy's
    } else if (!line.starts_with("|")) {
      within = false;
    } else if (within && !line.starts_with("| ---")) {
      std::istringstream cells(line);
      std::string bar, status, reason;
      cells >> bar >> status >> bar >> reason;
      rows.insert(status + "/" + reason.substr(1, reason.size() - 2));
    }
  }
  return rows;
}

TEST(Conditions, TheDocumentHasExactlyTheRowsThatAreMade) {
  std::set<std::string> warm, ready;
  for (const WarmCase& each : WarmCases()) warm.insert(each.expected);
  for (const ReadyCase& each : ReadyCases()) ready.insert(each.ready);
  EXPECT_EQ(DocumentedRows("Warm"), warm);
  EXPECT_EQ(DocumentedRows("Ready"), ready);
}

std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Conditions, TheDocumentNamesEveryReasonThatTheCodeCanGive) {
  const std::filesystem::path source(STOKER_SOURCE_DIR);
  const std::string document = ReadAll(source / "docs/conditions.md");
  // What a Job's own conditions say.
  const std::set<std::string> others = {"JobSuspended", "JobResumed"};
  const RE2 reason(
      R"re("((?:Target|Origin|Capacity|Cannot|Plan|Job|Run|Secret|ConfigMap|InProcess|Reference)[A-Z][A-Za-z]+)")re");
  int found = 0;
  for (const char* folder : {"controller/reconcile", "controller/warming", "cmd/stoker-worker"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(source / folder)) {
      if (entry.path().extension() != ".cc" && entry.path().extension() != ".h") continue;
      const std::string text = ReadAll(entry.path());
      re2::StringPiece rest(text);
      for (std::string word; RE2::FindAndConsume(&rest, reason, &word); ++found) {
        const bool told = document.find("`" + word + "`") != std::string::npos;
        EXPECT_TRUE(told || others.contains(word)) << word << " of " << entry.path();
      }
    }
  }
  EXPECT_GT(found, 20) << "the code is not where it was looked for";
}

TEST(PolicyStatus, ProgressIsReadBackAsItWasWritten) {
  warming::Progress progress;
  progress.tally = {
      .discovered = 10, .warmed = 5, .skipped = 2, .failed = 1, .left = 2, .bytes = 99};
  progress.enumerated = true;
  progress.targets = {{"l2", 5, 1}};
  progress.failures = {{"HTTP404", 1, "product:1", "no such product"}};
  json status;
  WriteProgress(status, progress);
  EXPECT_EQ(status["progress"]["left"], 2);
  const warming::Progress read = ReadProgress(status);
  EXPECT_EQ(read.tally.discovered, 10);
  EXPECT_EQ(read.tally.left, 2);
  EXPECT_TRUE(read.enumerated);
  EXPECT_EQ(read.targets[0].warmed, 5);
  EXPECT_EQ(read.failures[0].reason, "HTTP404");
}

}  // namespace
}  // namespace stoker::reconcile
