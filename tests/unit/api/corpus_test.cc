// The corpus of good and bad manifests, as this program judges it. tests/integration/api asks the
// real API server too; this one runs where there is none, and in every sanitizer.

#include "tests/support/corpus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "controller/api/manifest.h"

namespace stoker::api {
namespace {

using ::testing::HasSubstr;

std::string Verdict(const std::string& text) {
  Result<std::vector<nlohmann::json>> documents = ParseDocuments(text);
  if (!documents) return documents.error().message;
  for (nlohmann::json& object : *documents) {
    const std::vector<FieldError> errors = DefaultAndValidate(object);
    if (!errors.empty()) return ToError(object, errors).message;
    const bool policy = object["kind"] == "WarmingPolicy";
    if (policy && !ToWarmingPolicy(object)) return ToWarmingPolicy(object).error().message;
    if (!policy && !ToPrewarmSchedule(object)) return ToPrewarmSchedule(object).error().message;
  }
  return "";
}

TEST(Corpus, GoodManifestsPass) {
  for (const testing::CorpusFile& file :
       testing::ReadCorpus(STOKER_SOURCE_DIR + "/tests/corpus/good"))
    EXPECT_EQ(Verdict(file.manifest), "") << file.path;
}

TEST(Corpus, BadManifestsAreRefusedWithTheFieldAndTheMend) {
  for (const testing::CorpusFile& file :
       testing::ReadCorpus(STOKER_SOURCE_DIR + "/tests/corpus/bad")) {
    SCOPED_TRACE(file.path);
    ASSERT_FALSE(file.message.empty() || file.field.empty());
    const std::string verdict = Verdict(file.manifest);
    EXPECT_THAT(verdict, HasSubstr(file.message));
    EXPECT_THAT(verdict, HasSubstr(file.field));
  }
}

}  // namespace
}  // namespace stoker::api
