// One corpus of manifests, two judges: the real API server and this program. They must agree on
// every file, and on what a good one looks like with its defaults.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "controller/api/manifest.h"
#include "tests/support/api_server.h"
#include "tests/support/corpus.h"
#include "tests/support/process.h"

namespace stoker::api {
namespace {

using ::testing::HasSubstr;

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
  const std::vector<testing::CorpusFile> files =
      testing::ReadCorpus(STOKER_SOURCE_DIR + "/tests/corpus/good");
  ASSERT_GE(files.size(), 15U);
  for (const auto& [path, message, field, manifest] : files) {
    SCOPED_TRACE(path);
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

TEST_F(AgreementTest, ExamplesAreGoodManifests) {
  int judged = 0;
  for (const char* folder : {"origins", "pacing", "sessions", "sources", "strategies", "targets"}) {
    for (const auto& file : testing::ReadCorpus(STOKER_SOURCE_DIR + "/examples/" + folder)) {
      SCOPED_TRACE(file.path);
      auto documents = ParseDocuments(file.manifest);
      ASSERT_TRUE(documents) << documents.error().message;
      for (nlohmann::json& document : *documents) {
        const testing::CommandResult server = server_->Kubectl(
            {"apply", "--dry-run=server", "--validate=strict", "-f", "-"}, document.dump());
        EXPECT_EQ(server.exit_code, 0) << server.err;
        if (document["kind"] != "WarmingPolicy") continue;
        const std::vector<FieldError> errors = DefaultAndValidate(document);
        EXPECT_TRUE(errors.empty()) << ToError(document, errors).message;
        ++judged;
      }
    }
  }
  EXPECT_GE(judged, 7);
}

TEST_F(AgreementTest, BadManifestsAreRefusedByBothWithTheSameFieldAndMend) {
  const std::vector<testing::CorpusFile> files =
      testing::ReadCorpus(STOKER_SOURCE_DIR + "/tests/corpus/bad");
  ASSERT_GE(files.size(), 45U);
  for (const testing::CorpusFile& expected : files) {
    SCOPED_TRACE(expected.path);
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
  for (const testing::CorpusFile& expected :
       testing::ReadCorpus(STOKER_SOURCE_DIR + "/tests/corpus/bad")) {
    if (expected.manifest.find("secret@") == std::string::npos) continue;
    SCOPED_TRACE(expected.path);
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
