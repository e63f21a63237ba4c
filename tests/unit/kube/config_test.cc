#include "controller/kube/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <map>
#include <thread>

#include "controller/base/hash.h"
#include "controller/kube/credentials.h"
#include "controller/kube/exec_plugin.h"
#include "tests/support/process.h"

namespace stoker::kube {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ConfigTest : public ::testing::Test {
 protected:
  ConfigTest() {
    options_.env = [this](const std::string& name) { return env_[name]; };
    options_.service_account_dir = dir_.path() + "/sa";
  }

  const stoker::testing::TempDir dir_;
  std::map<std::string, std::string> env_;
  ConfigOptions options_;
};

constexpr char kFile[] = R"(
current-context: one
clusters:
- {name: c, cluster: {server: "https://one:6443", certificate-authority: pki/ca.crt}}
users:
- {name: u, user: {client-certificate: pki/tls.crt, client-key: /abs/tls.key, tokenFile: token}}
contexts:
- {name: one, context: {cluster: c, user: u, namespace: shop}}
- {name: two, context: {cluster: other, user: u}}
)";

TEST_F(ConfigTest, PathsAreRelativeToTheFile) {
  (void)dir_.File("pki/ca.crt", "PEM");
  options_.kubeconfig = dir_.File("config", kFile);
  const auto config = LoadConfig(options_);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server, "https://one:6443");
  EXPECT_EQ(config->ca_pem, "PEM");
  EXPECT_EQ(config->client_cert_file, dir_.path() + "/pki/tls.crt");
  EXPECT_EQ(config->client_key_file, "/abs/tls.key");
  EXPECT_EQ(config->token_file, dir_.path() + "/token");
  EXPECT_EQ(config->namespace_, "shop");
}

TEST_F(ConfigTest, FilesMergeAndTheFirstWins) {
  (void)dir_.File("pki/ca.crt", "PEM");
  const std::string first = dir_.File("first", R"(
current-context: two
clusters: [{name: other, cluster: {server: "https://first"}}]
)");
  const std::string second = dir_.File("second", R"(
clusters: [{name: other, cluster: {server: "https://second"}}]
)");
  env_["KUBECONFIG"] = first + ":/nowhere/missing:" + second + ":" + dir_.File("config", kFile);
  auto config = LoadConfig(options_);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server, "https://first");
  options_.context = "one";
  EXPECT_EQ(LoadConfig(options_)->server, "https://one:6443");
}

TEST_F(ConfigTest, APodUsesItsServiceAccount) {
  (void)dir_.File("sa/token", "t");
  (void)dir_.File("sa/ca.crt", "PEM");
  (void)dir_.File("sa/namespace", "stoker-system");
  env_ = {{"KUBERNETES_SERVICE_HOST", "10.96.0.1"},
          {"KUBERNETES_SERVICE_PORT", "443"},
          {"HOME", "/nowhere"}};
  auto config = LoadConfig(options_);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(config->in_cluster);
  EXPECT_EQ(config->server, "https://10.96.0.1:443");
  EXPECT_EQ(config->token_file, dir_.path() + "/sa/token");
  EXPECT_EQ(config->namespace_, "stoker-system");
  env_["KUBERNETES_SERVICE_HOST"] = "fd00::1";
  EXPECT_EQ(LoadConfig(options_)->server, "https://kubernetes.default.svc:443");
}

TEST_F(ConfigTest, NothingConfiguredSaysWhatToDo) {
  env_["HOME"] = "/nowhere";
  const auto config = LoadConfig(options_);
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, Code::kNotFound);
  EXPECT_THAT(config.error().message, HasSubstr("KUBECONFIG"));
}

TEST_F(ConfigTest, ErrorsNameTheFileAndTheFieldAndNoSecret) {
  const std::string head =
      "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n";
  const std::string cluster = "clusters: [{name: c, cluster: {server: 'https://h'}}]\n";
  const struct {
    std::string text, expected;
  } cases[] = {
      {"a: b: c", "line"},
      {"token: [sesame}", "line"},
      {"- a", "must be a map"},
      {"{}", "current-context"},
      {head, "no cluster named \"c\""},
      {head + cluster, "no user named \"u\""},
      {head + "clusters: [{name: c, cluster: null}]\n", "empty"},
      {head + "clusters: [{name: c, cluster: {x: y}}]\n", "server is missing"},
      {head + "clusters: [{name: c, cluster: {server: s, proxy-url: p}}]\n",
       "proxy-url is not supported"},
      {head + "clusters: [{name: c, cluster: {server: s, certificate-authority-data: '*'}}]\n",
       "base64"},
      {head + cluster + "users: [{name: u, user: {auth-provider: {name: gcp}}}]\n",
       "auth-provider"},
      {head + cluster + "users: [{name: u, user: {client-certificate: a, token: sesame}}]\n",
       "client-key"},
      {head + cluster + "users: [{name: u, user: {exec: {apiVersion: v1, command: c}}}]\n",
       "exec.apiVersion"},
      {head + cluster +
           "users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1}}}]\n",
       "exec.command"},
  };
  for (const auto& c : cases) {
    options_.kubeconfig = dir_.File("bad", c.text);
    const auto config = LoadConfig(options_);
    ASSERT_FALSE(config) << c.text;
    EXPECT_THAT(config.error().message, HasSubstr(c.expected));
    EXPECT_THAT(config.error().message, HasSubstr("bad"));
    EXPECT_THAT(config.error().message, Not(HasSubstr("sesame")));
  }
}

// --- credentials ---

TEST(CredentialsTest, ATokenFileIsReadAgainEveryMinute) {
  const stoker::testing::TempDir dir;
  FakeClock clock{WallTime{}};
  Config config;
  config.token_file = dir.File("token", "one\n");
  const auto credentials = MakeCredentials(config, clock);
  EXPECT_EQ(credentials->Authorization(Millis(1)).value(), "Bearer one");
  (void)dir.File("token", "two\n");
  clock.Advance(std::chrono::seconds(59));
  EXPECT_EQ(credentials->Authorization(Millis(1)).value(), "Bearer one");
  clock.Advance(std::chrono::seconds(2));
  EXPECT_EQ(credentials->Authorization(Millis(1)).value(), "Bearer two");
}

TEST(CredentialsTest, ATokenThatWouldBreakTheHeaderIsRefusedUnseen) {
  Config config;
  config.token = "sesame\r\nX-Evil: 1";
  const auto refused = MakeCredentials(config)->Authorization(Millis(1));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, Not(HasSubstr("sesame")));
}

TEST(CredentialsTest, BasicUserAndPassword) {
  Config config;
  config.username = "me";
  config.password = "pw";
  EXPECT_EQ(MakeCredentials(config)->Authorization(Millis(1)).value(),
            "Basic " + Base64Encode("me:pw"));
}

class ExecTest : public ::testing::Test {
 protected:
  // A plugin that counts its calls and answers with `status`.
  Config Plugin(const std::string& status, const std::string& before = "") {
    const std::string path =
        dir_.File("plugin", "#!/bin/sh\necho x >> " + dir_.path() + "/calls\n" + before +
                                R"(
n=$(wc -l < )" + dir_.path() + R"(/calls)
printf '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":)" +
                                status + "}' $n\n");
    chmod(path.c_str(), 0755);
    Config config;
    config.server = "https://h";
    config.exec =
        ExecCredential{"client.authentication.k8s.io/v1", path, {}, {{"PASSED", "on"}}, "", true};
    return config;
  }
  int Calls() const {
    const std::string calls = stoker::testing::ReadFile(dir_.path() + "/calls");
    return static_cast<int>(calls.size() / 2);
  }
  const stoker::testing::TempDir dir_;
};

TEST_F(ExecTest, TheAnswerIsKeptUntilItExpires) {
  FakeClock clock{ParseTime("2026-01-01T00:00:00Z").value()};
  const auto credentials = MakeCredentials(
      Plugin(R"({"token":"t%s","expirationTimestamp":"2026-01-01T00:10:00Z"})"), clock);
  EXPECT_EQ(credentials->Authorization(Millis(10'000)).value(), "Bearer t1");
  EXPECT_EQ(credentials->Authorization(Millis(10'000)).value(), "Bearer t1");
  clock.Advance(std::chrono::minutes(11));
  EXPECT_EQ(credentials->Authorization(Millis(10'000)).value(), "Bearer t2");
  EXPECT_EQ(Calls(), 2);
}

TEST_F(ExecTest, A401AsksThePluginAgain) {
  const auto credentials = MakeCredentials(Plugin(R"({"token":"t%s"})"));
  EXPECT_EQ(credentials->Authorization(Millis(10'000)).value(), "Bearer t1");
  EXPECT_TRUE(credentials->Refresh("Bearer t1"));
  EXPECT_EQ(credentials->Authorization(Millis(10'000)).value(), "Bearer t2");
}

TEST_F(ExecTest, ThePluginGetsItsEnvironmentAndNoInput) {
  const auto config =
      Plugin(R"({"token":"t%s"})",
             "test \"$PASSED\" = on || exit 3\n"
             "echo \"$KUBERNETES_EXEC_INFO\" | grep -q '\"server\":\"https://h\"' || exit 4\n"
             "read line && exit 5\n");
  EXPECT_TRUE(MakeCredentials(config)->Authorization(Millis(10'000)));
}

TEST_F(ExecTest, APluginThatHangsIsEnded) {
  const auto config = Plugin(R"({"token":"t%s"})", "sleep 60\n");
  const auto began = std::chrono::steady_clock::now();
  const auto answer = MakeCredentials(config)->Authorization(Millis(200));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kPermission);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
}

TEST_F(ExecTest, WhoWaitsForAnothersPluginWaitsNoLongerThanItMay) {
  const auto credentials = MakeCredentials(Plugin(R"({"token":"t%s"})", "sleep 60\n"));
  std::thread first([&] { EXPECT_FALSE(credentials->Authorization(Millis(3'000))); });
  ASSERT_TRUE(stoker::testing::WaitFor([&] { return Calls() == 1; }));
  const auto began = std::chrono::steady_clock::now();
  const auto answer = credentials->Authorization(Millis(100));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kTimeout);
  EXPECT_TRUE(credentials->Certificate(Millis(0))) << "what is known is told at once";
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(2));
  first.join();
}

TEST_F(ExecTest, FailuresSayWhyAndShowNoOutput) {
  const auto failing =
      MakeCredentials(Plugin("{}", "echo sesame; exit 7\n"))->Authorization(Millis(10'000));
  ASSERT_FALSE(failing);
  EXPECT_THAT(failing.error().message, HasSubstr("exit code 7"));
  EXPECT_THAT(failing.error().message, Not(HasSubstr("sesame")));

  Config missing;
  missing.exec = ExecCredential{
      "client.authentication.k8s.io/v1", "no-such-plugin", {}, {}, "Install it so.", false};
  const auto absent = MakeCredentials(missing)->Authorization(Millis(10'000));
  ASSERT_FALSE(absent);
  EXPECT_THAT(absent.error().message, HasSubstr("Install it so."));
}

TEST(ExecAnswerTest, WhatIsNoAnswerIsRefused) {
  ExecCredential plugin;
  plugin.api_version = "client.authentication.k8s.io/v1";
  plugin.command = "p";
  const std::string head =
      R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1")";
  for (const std::string& bad :
       {std::string("sesame"), std::string("{}"), head + "}", head + R"(,"status":{}})",
        head + R"(,"status":{"clientCertificateData":"sesame"}})",
        head + R"(,"status":{"token":"sesame","expirationTimestamp":"soon"}})",
        std::string(
            R"({"kind":"ExecCredential","apiVersion":"v9","status":{"token":"sesame"}})")}) {
    const auto answer = ParseExecAnswer(plugin, bad);
    ASSERT_FALSE(answer) << bad;
    EXPECT_THAT(answer.error().message, Not(HasSubstr("sesame")));
  }
  const auto good = ParseExecAnswer(
      plugin, head + R"(,"status":{"clientCertificateData":"c","clientKeyData":"k"}})");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->key_pem, "k");
}

}  // namespace
}  // namespace stoker::kube
