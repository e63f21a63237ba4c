// What workers are given to read: Secrets and a pinned ConfigMap, mounted into pods that have no token.
// And that a credential, right or wrong, is never told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "tests/cluster/quickstart.h"

namespace stoker::testing {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kListed = 300;
constexpr char kToken[] = "origin-s3cret";  // what /guarded/ of the test's origin asks for
constexpr char kPassword[] = "redis-s3cret";
constexpr char kWrongPassword[] = "redis-wr0ng";

CommandResult Here(std::vector<std::string> args) {
  args.insert(args.begin(), {"-n", Quickstart::kNamespace});
  return Kubectl(args);
}

// The policy asks for a Secret in its origin's headers, one for its target, and a list of keys.
json Referring() {
  return {{"spec",
           {{"suspend", true},
            {"sources",
             {{{"name", "listed"},
               {"static", {{"configMapRef", {{"name", "listed"}, {"key", "keys.txt"}}}}}}}},
            {"origins",
             {{{"name", "origin"},
               {"http",
                {{"url", "http://origin.quickstart.svc/guarded/{key}"},
                 {"headersSecretRef", {{"name", "origin-token"}}}}}}}},
            {"targets",
             {{{"name", "redis"},
               {"redis",
                {{"address", "redis.quickstart.svc:6379"},
                 {"credentialsSecretRef", {{"name", "redis-password"}}}}},
               {"write", {{"ttl", "1h"}}}}}},
            {"execution", {{"deadline", "20s"}}}}}};
}

class PodsMaterialsTest : public QuickstartTest {
 protected:
  ~PodsMaterialsTest() override {
    (void)Redis({"config", "set", "requirepass", ""});
    Forget();
  }
  static void Forget() {
    (void)Here({"delete", "secret/origin-token", "secret/redis-password", "configmap/listed",
                "--ignore-not-found"});
  }
  [[nodiscard]] std::string Redis(std::vector<std::string> args) const {
    args.insert(args.begin(), {"-a", kPassword, "--no-auth-warning"});
    return quickstart_.RedisCli(std::move(args));
  }
  // Makes what the policy refers to, locks the Redis, and lets the run begin.
  void Begin(const std::string& password) {
    ASSERT_EQ(quickstart_.RedisCli({"config", "set", "requirepass", kPassword}), "OK\n");
    std::string keys;
    for (int i = 1; i <= kListed; ++i) keys += "listed:" + std::to_string(i) + "\n";
    Forget();
    for (const std::vector<std::string>& made : std::vector<std::vector<std::string>>{
             {"secret", "generic", "origin-token", std::string("--from-literal=X-Token=") + kToken},
             {"secret", "generic", "redis-password", "--from-literal=password=" + password},
             {"configmap", "listed", "--from-literal=keys.txt=" + keys}}) {
      std::vector<std::string> args = made;
      args.insert(args.begin(), "create");
      const CommandResult created = Here(args);
      ASSERT_EQ(created.exit_code, 0) << created.err;
    }
    ASSERT_EQ(
        Here({"patch", "wp", "quickstart", "--type=merge", "-p", R"({"spec": {"suspend": false}})"})
            .exit_code,
        0);
  }
  // Everything that people get to read of a run.
  [[nodiscard]] std::string Told() const {
    return Here({"logs", "-l", "stoker.dev/policy=quickstart", "--tail=-1", "--prefix"}).out +
           Kubectl({"-n", "stoker-system", "logs", "-l", "app.kubernetes.io/name=stoker-controller",
                    "--tail=2000"})
               .out +
           Events() + quickstart_.Policy().dump() + quickstart_.Jobs().dump() +
           quickstart_.WorkerPods().dump() + Here({"get", "configmaps", "-o", "json"}).out;
  }
  static std::string Events() {
    return Here({"get", "events", "-o",
                 "jsonpath={range .items[*]}{.reason}: {.message}{\"\\n\"}{end}"})
        .out;
  }
  static void ExpectNoCredentialIn(std::string told) {
    // The test's own origin holds what it asks for.
    const std::string own = "$http_x_token != \\\"" + std::string(kToken);
    for (auto at = told.find(own); at != std::string::npos; at = told.find(own)) {
      told.erase(at, own.size());
    }
    for (const char* credential : {kToken, kPassword, kWrongPassword}) {
      const auto at = told.find(credential);
      EXPECT_EQ(at, std::string::npos)
          << "it is told: " << told.substr(at - std::min<std::size_t>(at, 200), 400);
    }
  }

  Quickstart quickstart_{"quickstart-pods", Referring()};
};

TEST_F(PodsMaterialsTest, WorkersReadTheirSecretsAndThePinnedList) {
  Begin(kPassword);
  ASSERT_TRUE(quickstart_.BecomesWarm(seconds(60)));
  EXPECT_EQ(Redis({"dbsize"}), std::to_string(kListed) + "\n");
  EXPECT_EQ(quickstart_.Policy()["status"]["lastRun"].value("warmed", 0), kListed);
  for (const Arrival& arrival : quickstart_.Arrivals()) {
    ASSERT_EQ(arrival.status, 200) << arrival.path << ": a worker did not send its token";
  }
  EXPECT_THAT(Told(), HasSubstr("run ended"));
  ExpectNoCredentialIn(Told());
}

TEST_F(PodsMaterialsTest, AWrongPasswordIsSaidAndNotTold) {
  Begin(kWrongPassword);
  ASSERT_TRUE(
      WaitFor([&] { return quickstart_.Policy()["status"].contains("lastRun"); }, seconds(150)))
      << quickstart_.Policy()["status"].dump(1);
  const json run = quickstart_.Policy()["status"]["lastRun"];
  EXPECT_EQ(run.value("result", ""), "Failed") << run;
  EXPECT_EQ(run.value("reason", ""), "TargetAuth") << run;
  EXPECT_TRUE(WaitFor([] { return Events().find("failed (TargetAuth)") != std::string::npos; }))
      << Events();
  EXPECT_EQ(Redis({"dbsize"}), "0\n");
  ExpectNoCredentialIn(Told());
}

}  // namespace
}  // namespace stoker::testing
