// What the CRD files promise: they compile, stay small enough to apply, and explain every field.

#include <gtest/gtest.h>

#include <string>

#include "controller/api/manifest.h"
#include "controller/api/schema.h"

namespace stoker::api {
namespace {

using nlohmann::json;

json SchemaOf(const char* plural) {
  const auto documents = ParseDocuments(CrdYaml(plural));
  EXPECT_TRUE(documents) << documents.error().message;
  return documents->front()["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
}

// Calls `visit` for every schema node with its path.
template <class Visit>
void Walk(const json& schema, const std::string& path, const Visit& visit) {
  visit(schema, path);
  if (schema.contains("properties")) {
    for (const auto& [name, child] : schema["properties"].items())
      Walk(child, path + "." + name, visit);
  }
  if (schema.contains("items")) Walk(schema["items"], path + "[]", visit);
  if (schema.contains("additionalProperties"))
    Walk(schema["additionalProperties"], path + ".*", visit);
}

class CrdTest : public ::testing::TestWithParam<const char*> {};

TEST_P(CrdTest, Compiles) {
  const Result<Schema> schema = Schema::Compile(SchemaOf(GetParam()));
  EXPECT_TRUE(schema) << schema.error().message;
}

// kubectl apply keeps the whole object, as compact JSON, in an annotation: 256 KiB at most.
TEST_P(CrdTest, StaysBelowTheSizeThatApplyTakes) {
  const auto documents = ParseDocuments(CrdYaml(GetParam()));
  ASSERT_TRUE(documents) << documents.error().message;
  EXPECT_LT(documents->front().dump().size(), 200'000U);
}

TEST_P(CrdTest, ExplainsEveryField) {
  Walk(SchemaOf(GetParam()), "", [](const json& node, const std::string& path) {
    if (path.starts_with(".metadata") || path.ends_with("[]") || path.ends_with(".*")) return;
    EXPECT_GT(node.value("description", "").size(), 10U) << path;
  });
}

// The cost of rules is estimated from bounds, and memory is bounded by them.
TEST_P(CrdTest, BoundsEveryListMapAndStringOfTheSpec) {
  Walk(SchemaOf(GetParam())["properties"]["spec"], "spec",
       [](const json& node, const std::string& path) {
         const std::string type = node.value("type", "");
         if (type == "array") EXPECT_TRUE(node.contains("maxItems")) << path;
         if (type == "object" && node.contains("additionalProperties")) {
           EXPECT_TRUE(node.contains("maxProperties")) << path;
         }
         if (type == "string" && !node.contains("enum"))
           EXPECT_TRUE(node.contains("maxLength")) << path;
       });
}

TEST_P(CrdTest, SaysWhatToChangeInEveryRule) {
  Walk(SchemaOf(GetParam()), "", [](const json& node, const std::string& path) {
    if (!node.contains("x-kubernetes-validations")) return;
    for (const json& rule : node["x-kubernetes-validations"]) {
      EXPECT_GT(rule.value("message", "").size(), 10U) << path;
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Files, CrdTest, ::testing::Values("warmingpolicies", "prewarmschedules"));

TEST(CrdYaml, IsEmptyForWhatIsNotOurs) { EXPECT_TRUE(CrdYaml("jobs").empty()); }

}  // namespace
}  // namespace stoker::api
