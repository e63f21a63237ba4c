#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "controller/api/manifest.h"
#include "tests/unit/api/sample.h"

namespace stoker::api {
namespace {

using nlohmann::json;

json Spec() {
  json policy = SamplePolicy();
  DefaultAndValidate(policy);
  return policy["spec"];
}

struct Change {
  const char* name;
  std::function<void(json&)> apply;
  bool moves;
};

class ChangeHashTest : public ::testing::TestWithParam<Change> {};

TEST_P(ChangeHashTest, MovesOnlyWithWhatIsWarmed) {
  json spec = Spec();
  const std::string before = ChangeHash(spec);
  EXPECT_EQ(before.size(), 64U);
  GetParam().apply(spec);
  EXPECT_EQ(ChangeHash(spec) != before, GetParam().moves);
}

INSTANTIATE_TEST_SUITE_P(
    Changes, ChangeHashTest,
    ::testing::Values(
        Change{"key", [](json& s) { s["sources"][0]["static"]["keys"].push_back("c"); }, true},
        Change{"strategy", [](json& s) { s["strategy"] = {{"type", "Selective"}, {"top", 1}}; },
               true},
        Change{"origin", [](json& s) { s["origins"][0]["http"]["url"] = "http://b/{key}"; }, true},
        Change{"target", [](json& s) { s["targets"][0]["redis"]["database"] = 1; }, true},
        Change{"ttl", [](json& s) { s["targets"][0]["write"]["ttl"] = "1h"; }, true},
        Change{"suspend", [](json& s) { s["suspend"] = true; }, false},
        Change{"pacing", [](json& s) { s["pacing"]["burst"] = 99; }, false},
        Change{"workers", [](json& s) { s["execution"]["workers"]["replicas"] = 9; }, false},
        Change{"whole_float", [](json& s) { s["sources"][0]["weight"] = 1.0; }, false},
        Change{"null", [](json& s) { s["sources"][0]["limit"] = nullptr; }, false},
        Change{"none", [](json&) {}, false}),
    [](const auto& info) { return info.param.name; });

TEST(ChangeHash, DoesNotDependOnTheOrderOfMembers) {
  const json one = json::parse(R"({"sources": [{"name": "a", "limit": 1}], "targets": []})");
  const json other = json::parse(R"({"targets": [], "sources": [{"limit": 1, "name": "a"}]})");
  EXPECT_EQ(ChangeHash(one), ChangeHash(other));
}

// A release that moved the hash would warm every policy of every cluster again.
TEST(ChangeHash, StaysTheSameBetweenReleases) {
  const json spec = json::parse(
      R"({"sources": [{"name": "a"}], "strategy": {"type": "Bulk"}, "origins": [], "targets": []})");
  EXPECT_EQ(ChangeHash(spec), "c6dc7673f456f537e7961ed684740167074d07bca517312d9dfafaba779a5515");
}

}  // namespace
}  // namespace stoker::api
