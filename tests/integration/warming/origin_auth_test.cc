// Whole runs against origins that want to know who asks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "controller/base/hash.h"
#include "tests/integration/warming/run_bench.h"
#include "tests/support/bad_origin.h"
#include "tests/support/nginx_server.h"
#include "tests/support/redis_server.h"

namespace stoker::warming {
namespace {

using stoker::testing::BadOrigin;
using stoker::testing::NginxServer;
using stoker::testing::RedisServer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::ItemRun;
using ::testing::Not;
using testing::RunToEnd;
using testing::SomeSecrets;

std::string Answer(const std::string& status, const std::string& body) {
  return "HTTP/1.1 " + status +
         "\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

// Gives out the tokens t1, t2, ... to the client id:s3cret.
struct TokenServer {
  explicit TokenServer(std::string lives = "3600")
      : server({{"/token", [this, lives = std::move(lives)](BadOrigin::Peer& peer) {
                   const std::string who = "Basic " + Base64Encode("shop%3Aid:s3cret");
                   if (peer.request().find(who) == std::string::npos) {
                     peer.Send(Answer("401 No", R"({"error":"invalid_client"})"));
                   } else {
                     peer.Send(Answer("200 OK", R"({"access_token":"t)" + std::to_string(++given) +
                                                    R"(","token_type":"Bearer","expires_in":)" +
                                                    lives + "}"));
                   }
                   return false;
                 }}}) {}
  std::atomic<int> given{0};
  BadOrigin server;
};

// Answers whoever shows the token.
std::string Behind(const std::string& authorization) {
  return "location / { if ($http_authorization != \"" + authorization +
         "\") { return 401; } return 200 \"value of $uri\"; }";
}

class RunWithAuth : public ::testing::Test {
 protected:
  RunWithAuth() {
    secrets_->secrets["client"] = {{"clientID", "shop:id"}, {"clientSecret", "s3cret\n"}};
  }
  RunSpec Spec(const NginxServer& nginx, api::HttpAuth auth) {
    RunSpec spec = ItemRun(300, nginx.url("/item/{id}"), redis_.address());
    spec.policy.origins[0].http->auth = std::move(auth);
    return spec;
  }
  static api::HttpAuth ByOAuth2(const BadOrigin& server) {
    api::HttpAuth auth;
    auth.oauth2.emplace().token_url = server.url("/token");
    auth.oauth2->client_secret_ref = "client";
    auth.oauth2->scopes = {"read", "catalogue:all"};
    return auth;
  }
  Report Warm(const RunSpec& spec) { return RunToEnd(spec, secrets_); }

  const RedisServer redis_;
  std::shared_ptr<SomeSecrets> secrets_ = std::make_shared<SomeSecrets>();
};

TEST_F(RunWithAuth, BearerAndBasicComeFromSecrets) {
  secrets_->secrets["token"] = {{"value", "abc.def\n"}};
  secrets_->secrets["login"] = {{"username", "shop"}, {"password", "pa:ss"}};
  api::HttpAuth bearer, basic;
  bearer.bearer_secret_ref = api::KeyRef{"token", "value"};
  basic.basic_secret_ref = "login";
  const NginxServer first(Behind("Bearer abc.def"));
  EXPECT_EQ(Warm(Spec(first, bearer)).progress.tally.warmed, 300);
  EXPECT_EQ(redis_.Cli({"get", "item:7"}), "value of /item/7");
  const NginxServer second(Behind("Basic " + Base64Encode("shop:pa:ss")));
  EXPECT_EQ(redis_.Cli({"flushall"}), "OK");
  EXPECT_EQ(Warm(Spec(second, basic)).progress.tally.warmed, 300);
}

TEST_F(RunWithAuth, WhatASecretLacksIsSaidBeforeTheRun) {
  const NginxServer nginx("");
  api::HttpAuth bearer;
  bearer.bearer_secret_ref = api::KeyRef{"token", "value"};
  const auto complaint = [&](const api::HttpAuth& auth) {
    const auto run = warming::Run::Create(Spec(nginx, auth), secrets_, {});
    return run ? std::string() : run.error().message;
  };
  EXPECT_THAT(complaint(bearer),
              AllOf(HasSubstr("spec.origins[0].http.auth.bearerSecretRef"), HasSubstr("token")));
  secrets_->secrets["token"] = {{"value", "hunter2\r\nX-Evil: 1"}};
  EXPECT_THAT(complaint(bearer), AllOf(HasSubstr("line break"), Not(HasSubstr("hunter2"))));
  const BadOrigin nobody({});
  secrets_->secrets["client"].erase("clientSecret");
  EXPECT_THAT(complaint(ByOAuth2(nobody)), HasSubstr("auth.oauth2.clientSecretRef"));
}

TEST_F(RunWithAuth, OneTokenServesAllLoops) {
  TokenServer tokens;
  const NginxServer nginx(Behind("Bearer t1"));
  const Report report = Warm(Spec(nginx, ByOAuth2(tokens.server)));
  EXPECT_EQ(report.progress.tally.warmed, 300) << report.message;
  EXPECT_EQ(tokens.given, 1);
  ASSERT_EQ(tokens.server.Seen().size(), 1U);
  EXPECT_THAT(tokens.server.Seen()[0],
              AllOf(HasSubstr("POST /token HTTP/1.1\r\n"),
                    HasSubstr("Content-Type: application/x-www-form-urlencoded\r\n"),
                    HasSubstr("Content-Length: 56\r\n")));
}

TEST_F(RunWithAuth, ATokenThatTheOriginRefusesIsReplacedOnce) {
  TokenServer tokens;
  const NginxServer nginx(Behind("Bearer t2"));
  const Report report = Warm(Spec(nginx, ByOAuth2(tokens.server)));
  EXPECT_EQ(report.progress.tally.warmed, 300) << report.message;
  EXPECT_EQ(tokens.given, 2);
}

TEST_F(RunWithAuth, ATokenIsRenewedBeforeItExpires) {
  TokenServer tokens("1");
  const NginxServer nginx(
      "location / { if ($http_authorization !~ \"Bearer t[0-9]+\") { return 401; } "
      "return 200 x; }");
  RunSpec spec = Spec(nginx, ByOAuth2(tokens.server));
  spec.policy.pacing = {150, 1, 8};
  const Report report = Warm(spec);
  EXPECT_EQ(report.progress.tally.warmed, 300) << report.message;
  EXPECT_GE(tokens.given, 2);
  EXPECT_LE(tokens.given, 5);
}

TEST_F(RunWithAuth, AnEndpointThatRefusesTheClientEndsTheRunAtOnce) {
  TokenServer tokens;
  secrets_->secrets["client"]["clientSecret"] = "wrong-hunter2";
  const NginxServer nginx(Behind("Bearer t1"));
  const Report report = Warm(Spec(nginx, ByOAuth2(tokens.server)));
  EXPECT_EQ(report.result, Report::Result::kFailed);
  EXPECT_EQ(report.reason, "OriginUnavailable");
  EXPECT_THAT(report.message,
              AllOf(HasSubstr("answered 401 (invalid_client)"), Not(HasSubstr("hunter2"))));
  EXPECT_LE(tokens.server.requests(), 10);
}

TEST_F(RunWithAuth, AWordOfTheOriginIsFinalWhenEveryTokenIsRefused) {
  TokenServer tokens;
  const NginxServer nginx("location / { return 401; }");
  RunSpec spec = Spec(nginx, ByOAuth2(tokens.server));
  spec.policy.sources[0].pattern->variables[0].to = 1;
  const Report report = Warm(spec);
  ASSERT_EQ(report.progress.failures.size(), 1U);
  EXPECT_EQ(report.progress.failures[0].reason, "HTTP401");
  EXPECT_EQ(tokens.given, 2);
}

}  // namespace
}  // namespace stoker::warming
