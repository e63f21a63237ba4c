#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "controller/api/manifest.h"
#include "tests/unit/api/sample.h"

namespace stoker::api {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

std::string Verdict(json object) {
  const std::vector<FieldError> errors = DefaultAndValidate(object);
  return errors.empty() ? "" : ToError(object, errors).message;
}

TEST(DefaultAndValidate, FillsInTheDefaultsOfAPolicy) {
  json policy = SamplePolicy();
  ASSERT_TRUE(DefaultAndValidate(policy).empty());
  const json& spec = policy["spec"];
  EXPECT_EQ(spec["pacing"],
            json::parse(R"({"requestsPerSecond": 100, "burst": 10, "maxInFlight": 10})"));
  EXPECT_EQ(spec["retry"], json::parse(R"({"limit": 3, "backoff": "100ms", "maxBackoff": "5s"})"));
  EXPECT_EQ(spec["strategy"]["type"], "Bulk");
  EXPECT_EQ(spec["execution"]["workers"]["replicas"], 1);
  EXPECT_EQ(spec["origins"][0]["http"]["timeout"], "5s");
  EXPECT_EQ(spec["targets"][0]["write"]["mode"], "IfAbsent");
  EXPECT_EQ(spec["triggers"]["onChange"], true);
}

TEST(DefaultAndValidate, FillsInTheDefaultsOfASchedule) {
  json schedule = SampleSchedule();
  ASSERT_TRUE(DefaultAndValidate(schedule).empty());
  EXPECT_EQ(schedule["spec"]["timeZone"], "Etc/UTC");
  EXPECT_EQ(schedule["spec"]["concurrencyPolicy"], "Forbid");
  EXPECT_EQ(schedule["spec"]["suspend"], false);
}

TEST(DefaultAndValidate, IsIdempotent) {
  json once = SamplePolicy();
  ASSERT_TRUE(DefaultAndValidate(once).empty());
  json twice = once;
  ASSERT_TRUE(DefaultAndValidate(twice).empty());
  EXPECT_EQ(once, twice);
}

TEST(DefaultAndValidate, AcceptsAnObjectAsTheServerReturnsIt) {
  json policy = SamplePolicy();
  policy["metadata"].update(json::parse(R"({"uid": "u", "resourceVersion": "7", "generation": 2,
      "creationTimestamp": "2026-11-27T06:00:00Z", "managedFields": [], "annotations": {"stoker.dev/requestedAt": "x"}})"));
  policy["status"] =
      json::parse(R"({"observedGeneration": 2, "progress": {"percent": 50, "enumerated": true}})");
  EXPECT_EQ(Verdict(policy), "");
}

TEST(DefaultAndValidate, RefusesWhatIsNotOurs) {
  EXPECT_THAT(Verdict("text"), HasSubstr("a manifest is an object"));
  EXPECT_THAT(Verdict(json::object()), HasSubstr("apiVersion: must be stoker.dev/v1alpha1"));
  json job = SamplePolicy();
  job["kind"] = "Job";
  EXPECT_THAT(Verdict(job), HasSubstr("kind: must be WarmingPolicy or PrewarmSchedule"));
}

TEST(DefaultAndValidate, JudgesMetadata) {
  const auto with = [](const char* field, json value) {
    json policy = SamplePolicy();
    policy["metadata"][field] = std::move(value);
    return Verdict(policy);
  };
  EXPECT_EQ(with("labels", {{"app.kubernetes.io/name", "x"}, {"empty", ""}}), "");
  EXPECT_THAT(with("name", "A"), HasSubstr("metadata.name: a lowercase RFC 1123 subdomain"));
  EXPECT_THAT(with("name", 7), HasSubstr("metadata.name: must be of type string"));
  EXPECT_THAT(with("name", std::string(48, 'a')),
              HasSubstr("metadata.name: must be no more than 47 characters"));
  EXPECT_THAT(with("namespace", "a.b"), HasSubstr("metadata.namespace"));
  EXPECT_THAT(with("labels", {{"a", true}}),
              HasSubstr("metadata.labels.a: must be of type string"));
  EXPECT_THAT(with("labels", {{"a b", "x"}}), HasSubstr("metadata.labels"));
  EXPECT_THAT(with("labels", {{"a", std::string(64, 'x')}}), HasSubstr("metadata.labels"));
  EXPECT_THAT(with("annotations", {{"a", std::string(300'000, 'x')}}),
              HasSubstr("metadata.annotations: Too long"));
  EXPECT_THAT(with("colour", "red"),
              HasSubstr("metadata.colour: unknown field; correct its name or remove it"));
  json nameless = SamplePolicy();
  nameless.erase("metadata");
  EXPECT_THAT(Verdict(nameless), HasSubstr("metadata.name: Required value"));
}

TEST(DefaultAndValidate, JudgesMetadataAsKindlyAsTheServer) {
  json policy = SamplePolicy();
  policy["metadata"]["namespace"] = "";
  policy["metadata"]["annotations"] = {{"Example.com/Team", "x"}};
  EXPECT_EQ(Verdict(policy), "");
}

TEST(DefaultAndValidate, WantsANameThatCanBeApplied) {
  json policy = SamplePolicy();
  policy["metadata"] = {{"generateName", "pages-"}};
  EXPECT_THAT(Verdict(policy),
              HasSubstr("metadata.name: Required value: generateName cannot be applied"));
}

TEST(DefaultAndValidate, DropsNullsInMapsAsTheServerDoes) {
  json policy = SamplePolicy();
  policy["spec"]["execution"]["workers"] = {
      {"nodeSelector", {{"pool", nullptr}, {"arch", "arm64"}}}};
  ASSERT_EQ(Verdict(policy), "");
  DefaultAndValidate(policy);
  EXPECT_EQ(policy["spec"]["execution"]["workers"]["nodeSelector"], (json{{"arch", "arm64"}}));
}

TEST(DefaultAndValidate, KeepsComplaintsFewShortAndOnOneLine) {
  json policy = SamplePolicy();
  policy["spec"]["\x1b[31m\n" + std::string(5000, 'k')] = 1;
  for (int i = 0; i < 500; ++i) policy["spec"]["z" + std::to_string(i)] = 1;
  const std::string verdict = Verdict(policy);
  EXPECT_LT(verdict.size(), 10'000U);
  EXPECT_EQ(verdict.find_first_of("\x1b\n"), std::string::npos);
  EXPECT_THAT(verdict, HasSubstr("451 more complaints are not shown"));
}

TEST(DefaultAndValidate, TellsUnknownFieldsBeforeAnythingElse) {
  json policy = SamplePolicy();
  policy["spec"]["pacing"] = {{"requestPerSecond", 5}, {"burst", "x"}};
  EXPECT_EQ(Verdict(policy),
            "WarmingPolicy shop/pages: spec.pacing.requestPerSecond: unknown field; "
            "did you mean requestsPerSecond?");
}

TEST(DefaultAndValidate, ProposesOnlyAFieldThatMayStandThere) {
  const auto with = [](const char* path, const char* field) {
    json policy = SamplePolicy();
    policy[json::json_pointer(path)][field] = 1;
    return Verdict(policy);
  };
  EXPECT_THAT(with("/metadata", "lables"), HasSubstr("did you mean labels?"));
  EXPECT_THAT(with("/spec/sources/0", "patern"), HasSubstr("did you mean pattern?"));
  EXPECT_THAT(with("/spec", "requestsPerSecond"), HasSubstr("correct its name or remove it"));
}

TEST(DefaultAndValidate, TellsEveryComplaintAtOnce) {
  json policy = SamplePolicy();
  policy["spec"]["suspend"] = "yes";
  policy["spec"]["retry"] = {{"limit", 1000}};
  EXPECT_EQ(DefaultAndValidate(policy).size(), 2U);
}

TEST(ToError, NamesTheObjectAndJoinsTheComplaints) {
  const Error error = ToError(SamplePolicy(), {{"spec.a", "wrong"}, {"", "odd"}});
  EXPECT_EQ(error.code, Code::kInvalid);
  EXPECT_EQ(error.message, "WarmingPolicy shop/pages: spec.a: wrong; odd");
  EXPECT_EQ(ToError("text", {{"", "odd"}}).message, "manifest: odd");
}

}  // namespace
}  // namespace stoker::api
