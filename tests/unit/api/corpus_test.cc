// The corpus of good and bad manifests, as this program judges it. tests/integration/api asks the
// real API server too; this one runs where there is none, and in every sanitizer.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "controller/api/manifest.h"
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
  return paths;
}

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
  for (const std::string& path : Corpus("good"))
    EXPECT_EQ(Verdict(testing::ReadFile(path)), "") << path;
}

TEST(Corpus, BadManifestsAreRefusedWithTheFieldAndTheMend) {
  for (const std::string& path : Corpus("bad")) {
    SCOPED_TRACE(path);
    std::ifstream file(path);
    std::string expect;
    std::string field;
    std::getline(file, expect);
    std::getline(file, field);
    ASSERT_TRUE(expect.starts_with("# expect: ") && field.starts_with("# field: "));
    const std::string verdict = Verdict(std::string(std::istreambuf_iterator<char>(file), {}));
    EXPECT_THAT(verdict, HasSubstr(expect.substr(10)));
    EXPECT_THAT(verdict, HasSubstr(field.substr(9)));
  }
}

}  // namespace
}  // namespace stoker::api
