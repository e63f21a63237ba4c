#include "controller/kube/informer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>

#include "tests/integration/kube/shared_server.h"

namespace stoker::kube {
namespace {

using stoker::testing::AdminTransport;
using stoker::testing::SharedServer;
using stoker::testing::WaitFor;

// Counts what goes to the API server.
class CountingTransport final : public Transport {
 public:
  explicit CountingTransport(std::shared_ptr<Transport> inner) : inner_(std::move(inner)) {}
  Result<HttpResponse> Do(const HttpRequest& request, std::stop_token stop) override {
    ++requests;
    return inner_->Do(request, stop);
  }
  Result<HttpResponse> Stream(const HttpRequest& request,
                              const std::function<bool(std::string_view)>& on_line,
                              std::stop_token stop) override {
    ++requests;
    return inner_->Stream(request, on_line, stop);
  }
  std::atomic<int> requests{0};

 private:
  const std::shared_ptr<Transport> inner_;
};

nlohmann::json PlainConfigMap(const std::string& name, const std::string& value) {
  return {{"metadata", {{"name", name}}}, {"data", {{"value", value}}}};
}

class InformerTest : public ::testing::Test {
 protected:
  InformerTest() {
    options_.resource = kConfigMaps;
    options_.ns = ns_;
    options_.backoff = {Millis(100), Millis(1'000)};
  }

  std::string Value(const Informer& informer, const std::string& name) const {
    const Object object = informer.Get(ns_, name);
    return object ? (*object)["data"]["value"].get<std::string>() : std::string();
  }

  const std::string ns_ = SharedServer().MakeNamespace();
  std::shared_ptr<CountingTransport> transport_ =
      std::make_shared<CountingTransport>(AdminTransport());
  Client client_{transport_};
  InformerOptions options_;
};

TEST_F(InformerTest, FollowsAdditionsChangesAndDeletions) {
  ASSERT_TRUE(client_.Create(kConfigMaps, ns_, PlainConfigMap("before", "1")));
  Informer informer(client_, options_);
  std::atomic<int> added{0}, changed{0}, deleted{0};
  informer.OnChange([&](const Object& before, const Object& after) {
    ++(!before ? added : !after ? deleted : changed);
  });
  informer.Start();
  ASSERT_TRUE(informer.WaitSynced(Millis(10'000)));
  EXPECT_EQ(Value(informer, "before"), "1");
  EXPECT_FALSE((*informer.Get(ns_, "before"))["metadata"].contains("managedFields"));

  ASSERT_TRUE(client_.Create(kConfigMaps, ns_, PlainConfigMap("later", "1")));
  ASSERT_TRUE(
      client_.Patch(kConfigMaps, ns_, "later", PatchType::kMerge, PlainConfigMap("later", "2")));
  EXPECT_TRUE(WaitFor([&] { return Value(informer, "later") == "2"; }));
  ASSERT_TRUE(client_.Delete(kConfigMaps, ns_, "later"));
  EXPECT_TRUE(WaitFor([&] { return informer.Get(ns_, "later") == nullptr; }));
  informer.Stop();
  EXPECT_EQ(deleted, 1);
  EXPECT_GE(changed, 1);
  EXPECT_GE(added, 2);
}

TEST_F(InformerTest, StopsAtOnceInTheMiddleOfAWatch) {
  Informer informer(client_, options_);
  informer.Start();
  ASSERT_TRUE(informer.WaitSynced(Millis(10'000)));
  const auto began = std::chrono::steady_clock::now();
  informer.Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(1));
}

TEST_F(InformerTest, LosesNothingWhenTheApiServerIsKilledAndRestarted) {
  Informer informer(client_, options_);
  informer.Start();
  ASSERT_TRUE(informer.WaitSynced(Millis(10'000)));
  ASSERT_TRUE(client_.Create(kConfigMaps, ns_, PlainConfigMap("doomed", "1")));
  ASSERT_TRUE(WaitFor([&] { return Value(informer, "doomed") == "1"; }));

  SharedServer().KillApiServer();
  const int before = transport_->requests;
  const auto died = std::chrono::steady_clock::now();
  SharedServer().RestartApiServer();
  SharedServer().MustKubectl(
      {"-n", ns_, "create", "configmap", "meanwhile", "--from-literal=value=1"});
  SharedServer().MustKubectl({"-n", ns_, "delete", "configmap", "doomed"});
  EXPECT_TRUE(WaitFor([&] { return Value(informer, "meanwhile") == "1"; }));
  EXPECT_TRUE(WaitFor([&] { return informer.Get(ns_, "doomed") == nullptr; }));

  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - died).count();
  EXPECT_LT((transport_->requests - before) / seconds, 8.0) << "a hot loop";
}

TEST_F(InformerTest, SurvivesAPausedEtcd) {
  Informer informer(client_, options_);
  informer.Start();
  ASSERT_TRUE(informer.WaitSynced(Millis(10'000)));

  SharedServer().PauseEtcd();
  const int before = transport_->requests;
  Client impatient(transport_, nullptr, Millis(1'000));
  const auto failed = impatient.Create(kConfigMaps, ns_, PlainConfigMap("late", "1"));
  EXPECT_FALSE(failed);
  SharedServer().ResumeEtcd();

  EXPECT_LT(transport_->requests - before, 10);
  EXPECT_TRUE(WaitFor([&] {
    (void)client_.Create(kConfigMaps, ns_, PlainConfigMap("late", "1"));
    return Value(informer, "late") == "1";
  }));
}

}  // namespace
}  // namespace stoker::kube
