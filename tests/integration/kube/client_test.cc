#include "controller/kube/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/kube/config.h"
#include "tests/integration/kube/shared_server.h"

namespace stoker::kube {
namespace {

using stoker::testing::SharedServer;
using ::testing::HasSubstr;

nlohmann::json ConfigMap(const std::string& name, const std::string& value) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", {{"name", name}, {"labels", {{"part", "test"}}}}},
          {"data", {{"value", value}}}};
}

class ClientTest : public ::testing::Test {
 protected:
  const std::string ns_ = SharedServer().MakeNamespace();
  Client client_{stoker::testing::AdminTransport()};
};

TEST_F(ClientTest, CreatesReadsReplacesAndDeletes) {
  auto created = client_.Create(kConfigMaps, ns_, ConfigMap("a", "1"));
  ASSERT_TRUE(created) << created.error().message;

  auto again = client_.Create(kConfigMaps, ns_, ConfigMap("a", "1"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kAlreadyExists);
  EXPECT_THAT(again.error().message, HasSubstr("configmaps \"a\" already exists"));

  (*created)["data"]["value"] = "2";
  ASSERT_TRUE(client_.Replace(kConfigMaps, ns_, "a", *created));
  auto stale = client_.Replace(kConfigMaps, ns_, "a", *created);
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().code, Code::kConflict);

  auto read = client_.Get(kConfigMaps, ns_, "a");
  ASSERT_TRUE(read);
  EXPECT_EQ((*read)["data"]["value"], "2");

  DeleteOptions wrong;
  wrong.uid = "00000000-0000-0000-0000-000000000000";
  EXPECT_EQ(client_.Delete(kConfigMaps, ns_, "a", wrong).error().code, Code::kConflict);
  DeleteOptions right;
  right.uid = (*read)["metadata"]["uid"];
  EXPECT_TRUE(client_.Delete(kConfigMaps, ns_, "a", right));
  EXPECT_EQ(client_.Get(kConfigMaps, ns_, "a").error().code, Code::kNotFound);
}

TEST_F(ClientTest, AppliesServerSideAndSeesAConflictOfFields) {
  auto applied = client_.Patch(kConfigMaps, ns_, "a", PatchType::kApply, ConfigMap("a", "1"));
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ((*applied)["metadata"]["managedFields"][0]["manager"], "stoker");

  SharedServer().MustKubectl({"-n", ns_, "patch", "configmap", "a", "--type=merge", "-p",
                              R"({"data":{"value":"theirs"}})"});
  auto refused = client_.Patch(kConfigMaps, ns_, "a", PatchType::kApply, ConfigMap("a", "2"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kConflict);
  EXPECT_THAT(refused.error().message, HasSubstr("data.value"));

  EXPECT_TRUE(
      client_.Patch(kConfigMaps, ns_, "a", PatchType::kApply, ConfigMap("a", "2"), {}, true));
}

TEST_F(ClientTest, RefusesAFencedMergePatchThatComesLate) {
  auto created = client_.Create(kConfigMaps, ns_, ConfigMap("a", "1"));
  ASSERT_TRUE(created);
  const nlohmann::json patch = {
      {"metadata", {{"resourceVersion", (*created)["metadata"]["resourceVersion"]}}},
      {"data", {{"value", "2"}}}};
  ASSERT_TRUE(client_.Patch(kConfigMaps, ns_, "a", PatchType::kMerge, patch));
  EXPECT_EQ(client_.Patch(kConfigMaps, ns_, "a", PatchType::kMerge, patch).error().code,
            Code::kConflict);
}

TEST_F(ClientTest, PatchesTheStatusOfAJob) {
  const nlohmann::json job = {
      {"apiVersion", "batch/v1"},
      {"kind", "Job"},
      {"metadata", {{"name", "run"}}},
      {"spec",
       {{"managedBy", "stoker.dev/in-process"},
        {"template",
         {{"spec",
           {{"restartPolicy", "Never"},
            {"containers", {{{"name", "worker"}, {"image", "localhost/none"}}}}}}}}}}};
  ASSERT_TRUE(client_.Create(kJobs, ns_, job));
  const nlohmann::json status = {
      {"status", {{"active", 1}, {"startTime", "2026-01-01T00:00:00Z"}}}};
  auto patched = client_.Patch(kJobs, ns_, "run", PatchType::kMerge, status, "status");
  ASSERT_TRUE(patched) << patched.error().message;
  EXPECT_EQ((*patched)["status"]["active"], 1);
}

TEST_F(ClientTest, ListsInPagesAndNamesTheKindOfEachItem) {
  for (int i = 0; i < 7; ++i) {
    ASSERT_TRUE(client_.Create(kConfigMaps, ns_, ConfigMap("c" + std::to_string(i), "x")));
  }
  ListOptions options;
  options.limit = 3;
  options.label_selector = "part=test";
  auto listed = client_.List(kConfigMaps, ns_, options);
  ASSERT_TRUE(listed) << listed.error().message;
  EXPECT_EQ(listed->items.size(), 7u);
  EXPECT_FALSE(listed->resource_version.empty());
  EXPECT_EQ(listed->items[6]["kind"], "ConfigMap");
  EXPECT_EQ(listed->items[6]["apiVersion"], "v1");
}

TEST_F(ClientTest, SaysWhatIsWrongInTheServersOwnWords) {
  nlohmann::json bad = ConfigMap("Bad_Name", "1");
  auto refused = client_.Create(kConfigMaps, ns_, bad);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  EXPECT_THAT(refused.error().message, HasSubstr("metadata.name"));
}

TEST_F(ClientTest, AsksBeforeEveryWrite) {
  bool leads = false;
  Client fenced(stoker::testing::AdminTransport(), [&] { return leads; });
  auto refused = fenced.Create(kConfigMaps, ns_, ConfigMap("a", "1"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kCancelled);
  EXPECT_EQ(fenced.Get(kConfigMaps, ns_, "a").error().code, Code::kNotFound);
  leads = true;
  EXPECT_TRUE(fenced.Create(kConfigMaps, ns_, ConfigMap("a", "1")));
}

TEST_F(ClientTest, ReadsAnyPath) {
  auto version = client_.Raw("/version");
  ASSERT_TRUE(version);
  EXPECT_THAT(*version, HasSubstr("gitVersion"));
}

TEST(AuthenticationTest, AWrongTokenIsRefusedWithoutShowingIt) {
  Config config;
  config.server = SharedServer().url();
  config.ca_pem = stoker::testing::ReadFile(SharedServer().ca_file());
  config.token = "sesame-opens-nothing";
  auto transport = MakeTransport(config);
  ASSERT_TRUE(transport);
  auto got = Client(*transport).Get(kNamespaces, {}, "default");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::kPermission);
  EXPECT_THAT(got.error().message, ::testing::Not(HasSubstr("sesame")));
}

TEST(AuthenticationTest, ATokenWorks) {
  Config config;
  config.server = SharedServer().url();
  config.ca_pem = stoker::testing::ReadFile(SharedServer().ca_file());
  config.token = SharedServer().token();
  auto transport = MakeTransport(config);
  ASSERT_TRUE(transport);
  EXPECT_TRUE(Client(*transport).Get(kNamespaces, {}, "default"));
}

}  // namespace
}  // namespace stoker::kube
