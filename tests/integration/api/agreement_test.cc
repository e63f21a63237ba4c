// One corpus of manifests, two judges: the real API server and this program. They must agree on
// every file, and on what a good one looks like with its defaults.
//
// A bad manifest says in its first two lines what must be in both judges' words:
//   # expect: <part of the message>
//   # field: <path of the field>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "controller/api/manifest.h"
#include "tests/support/api_server.h"
#include "tests/support/process.h"

namespace stoker::api {
namespace {

using ::testing::HasSubstr;

std::vector<std::string> Corpus(const std::string& folder) {
  std::vector<std::string> paths;
  for (const auto& entry :
       std::filesystem::directory_iterator(STOKER_SOURCE_DIR + "/tests/corpus/" + folder)) {
    paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

struct Expectation {
  std::string message;
  std::string field;
  std::string manifest;  // what follows the two lines
};

Expectation ReadExpectation(const std::string& text) {
  std::istringstream stream(text);
  std::string expect;
  std::string field;
  std::getline(stream, expect);
  std::getline(stream, field);
  const std::string expect_mark = "# expect: ";
  const std::string field_mark = "# field: ";
  if (!expect.starts_with(expect_mark) || !field.starts_with(field_mark)) return {};
  return {expect.substr(expect_mark.size()), field.substr(field_mark.size()),
          text.substr(expect.size() + field.size() + 2)};
}

// What this program says of a manifest of one document; empty: it is good, and `object` has its
// defaults.
std::string OwnVerdict(const std::string& text, nlohmann::json& object) {
  Result<std::vector<nlohmann::json>> documents = ParseDocuments(text);
  if (!documents) return documents.error().message;
  if (documents->size() != 1) return "not one document";
  object = documents->front();
  const std::vector<FieldError> errors = DefaultAndValidate(object);
  return errors.empty() ? "" : ToError(object, errors).message;
}

class AgreementTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = std::make_unique<testing::ApiServer>();
    for (const char* plural : {"warmingpolicies", "prewarmschedules"}) {
      server_->MustKubectl({"apply", "-f", "-"}, std::string(CrdYaml(plural)));
      server_->MustKubectl({"wait", "--for=condition=Established", "--timeout=30s",
                            std::string("crd/") + plural + ".stoker.dev"});
    }
  }
  static void TearDownTestSuite() { server_.reset(); }

  // kubectl keeps the last of two equal JSON members without a word, so JSON goes to the server as
  // it is.
  static testing::CommandResult Judge(const std::string& manifest) {
    if (manifest.starts_with('{')) {
      return server_->Kubectl({"create", "--raw",
                               "/apis/stoker.dev/v1alpha1/namespaces/default/warmingpolicies"
                               "?dryRun=All&fieldValidation=Strict",
                               "-f", "-"},
                              manifest);
    }
    return server_->Kubectl(
        {"apply", "--dry-run=server", "--validate=strict", "-o", "json", "-f", "-"}, manifest);
  }

  static std::unique_ptr<testing::ApiServer> server_;
};

std::unique_ptr<testing::ApiServer> AgreementTest::server_;

TEST_F(AgreementTest, GoodManifestsAreAcceptedByBothWithTheSameDefaults) {
  const std::vector<std::string> paths = Corpus("good");
  ASSERT_GE(paths.size(), 15U);
  for (const std::string& path : paths) {
    SCOPED_TRACE(path);
    const std::string manifest = testing::ReadFile(path);
    nlohmann::json own;
    EXPECT_EQ(OwnVerdict(manifest, own), "");
    const testing::CommandResult server = Judge(manifest);
    ASSERT_EQ(server.exit_code, 0) << server.err;
    const nlohmann::json theirs = nlohmann::json::parse(server.out);
    EXPECT_EQ(own["spec"], theirs["spec"])
        << nlohmann::json::diff(own["spec"], theirs["spec"]).dump(2);
    if (own["kind"] == "WarmingPolicy") {
      EXPECT_EQ(ChangeHash(own["spec"]), ChangeHash(theirs["spec"]));
    }
  }
}

TEST_F(AgreementTest, BadManifestsAreRefusedByBothWithTheSameFieldAndMend) {
  const std::vector<std::string> paths = Corpus("bad");
  ASSERT_GE(paths.size(), 45U);
  for (const std::string& path : paths) {
    SCOPED_TRACE(path);
    const Expectation expected = ReadExpectation(testing::ReadFile(path));
    ASSERT_FALSE(expected.message.empty() || expected.field.empty())
        << "the first two lines say what to expect";
    nlohmann::json own;
    const std::string verdict = OwnVerdict(expected.manifest, own);
    EXPECT_THAT(verdict, HasSubstr(expected.message));
    EXPECT_THAT(verdict, HasSubstr(expected.field));
    const testing::CommandResult server = Judge(expected.manifest);
    EXPECT_NE(server.exit_code, 0) << "the API server accepts it";
    EXPECT_THAT(server.err, HasSubstr(expected.message));
    EXPECT_THAT(server.err, HasSubstr(expected.field));
  }
}

TEST_F(AgreementTest, NeitherRepeatsThePasswordOfAnUrl) {
  for (const std::string& path : Corpus("bad")) {
    const Expectation expected = ReadExpectation(testing::ReadFile(path));
    if (expected.manifest.find("secret@") == std::string::npos) continue;
    SCOPED_TRACE(path);
    nlohmann::json own;
    EXPECT_THAT(OwnVerdict(expected.manifest, own), ::testing::Not(HasSubstr("secret@")));
    EXPECT_THAT(Judge(expected.manifest).err, ::testing::Not(HasSubstr("secret@")));
  }
}

TEST_F(AgreementTest, EveryFieldIsExplained) {
  for (const char* kind : {"warmingpolicies", "prewarmschedules"}) {
    const std::string tree = server_->MustKubectl({"explain", kind, "--recursive"});
    EXPECT_THAT(tree, HasSubstr("conditions"));
  }
  const std::string text = server_->MustKubectl({"explain", "wp.spec.pacing.requestsPerSecond"});
  EXPECT_THAT(text, HasSubstr("Never more requests a second than this"));
}

}  // namespace
}  // namespace stoker::api
