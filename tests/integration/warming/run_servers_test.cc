// Whole runs against servers as they are met: TLS, passwords, lists, and origins that ask for
// patience.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "tests/integration/warming/run_bench.h"
#include "tests/support/bad_origin.h"
#include "tests/support/gzip.h"
#include "tests/support/nginx_server.h"
#include "tests/support/redis_server.h"

namespace stoker::warming {
namespace {

using stoker::testing::BadOrigin;
using stoker::testing::Gzip;
using stoker::testing::MakeCertificates;
using stoker::testing::NginxServer;
using stoker::testing::RedisServer;
using stoker::testing::TempDir;
using stoker::testing::TestCertificates;
using ::testing::HasSubstr;
using testing::ItemRun;
using ::testing::Not;
using testing::RunToEnd;
using testing::SomeSecrets;

class RunOverTls : public ::testing::Test {
 protected:
  RunSpec Spec() {
    RunSpec spec = ItemRun(200, "https://127.0.0.1:" + std::to_string(nginx_.port()) + "/item/{id}",
                           redis_.address());
    spec.policy.origins[0].http->headers = {{"X-Shop", "de"}};
    spec.policy.origins[0].http->headers_secret_ref = "origin";
    spec.policy.origins[0].http->tls = api::TlsConfig{};
    spec.policy.origins[0].http->tls->ca_secret_ref = api::KeyRef{"trust", "ca.crt"};
    spec.policy.targets[0].redis->tls = spec.policy.origins[0].http->tls;
    spec.policy.targets[0].redis->credentials_secret_ref = "redis";
    return spec;
  }

  TempDir dir_;
  TestCertificates certs_ = MakeCertificates(dir_, "IP:127.0.0.1");
  NginxServer nginx_{
      "location /item/ { if ($http_authorization != \"Bearer t0p-secret\") { return 401; }\n"
      " if ($http_x_shop != \"de\") { return 400; } return 200 \"value of $uri\"; }",
      "ssl",
      "ssl_certificate " + certs_.cert_file + "; ssl_certificate_key " + certs_.key_file + ";"};
  RedisServer redis_{{"tls-port 0", "tls-cert-file " + certs_.cert_file,
                      "tls-key-file " + certs_.key_file, "tls-auth-clients no",
                      "user warmer on >s3sam ~item:* +@all"}};
  std::shared_ptr<SomeSecrets> secrets_ = [this] {
    auto secrets = std::make_shared<SomeSecrets>();
    secrets->secrets["trust"] = {{"ca.crt", certs_.ca_pem}};
    secrets->secrets["origin"] = {{"Authorization", "Bearer t0p-secret\n"}};
    secrets->secrets["redis"] = {{"username", "warmer"}, {"password", "s3sam\n"}};
    return secrets;
  }();
};

TEST_F(RunOverTls, WarmsWithHeadersAndPasswordsFromSecrets) {
  const Report report = RunToEnd(Spec(), secrets_);
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  EXPECT_EQ(redis_.Cli({"--tls", "--cacert", certs_.ca_file, "get", "item:7"}), "value of /item/7");
}

TEST_F(RunOverTls, ACertificateThatIsNotTrustedEndsTheRunAndNoSecretIsTold) {
  const TempDir other;
  secrets_->secrets["trust"]["ca.crt"] = MakeCertificates(other, "IP:127.0.0.1").ca_pem;
  RunSpec spec = Spec();
  spec.policy.targets[0].redis->tls->insecure_skip_verify = true;  // so that the origin is reached
  const Report report = RunToEnd(spec, secrets_);
  EXPECT_EQ(report.reason, "OriginUnavailable") << report.message;
  EXPECT_THAT(report.message, HasSubstr("not trusted"));
  EXPECT_LT(report.duration, std::chrono::seconds(10));
  EXPECT_THAT(ToJson(report).dump(), Not(HasSubstr("t0p-secret")));
  EXPECT_THAT(ToJson(report).dump(), Not(HasSubstr("s3sam")));
}

TEST_F(RunOverTls, SaysWhichSecretOrKeyIsMissingBeforeItStarts) {
  const auto error_of = [&](const RunSpec& spec) {
    const auto run = warming::Run::Create(spec, secrets_, {});
    return run ? std::string() : run.error().message;
  };
  RunSpec spec = Spec();
  spec.policy.origins[0].http->tls->ca_secret_ref->key = "tls.crt";
  EXPECT_THAT(error_of(spec), HasSubstr("spec.origins[0].http"));
  EXPECT_THAT(error_of(spec), HasSubstr("Secret \"trust\" has no key \"tls.crt\""));
  spec = Spec();
  spec.policy.targets[0].redis->credentials_secret_ref = "absent";
  EXPECT_THAT(error_of(spec),
              HasSubstr("spec.targets[0].redis.credentialsSecretRef: Secret \"absent\""));
  secrets_->secrets["origin"] = {{"Bad Name", "v"}};
  EXPECT_THAT(error_of(Spec()), HasSubstr("\"Bad Name\" is no header name"));
  secrets_->secrets["origin"] = {{"X", "t0p\nsecret"}};
  EXPECT_THAT(error_of(Spec()), HasSubstr("holds a line break"));
  EXPECT_THAT(error_of(Spec()), Not(HasSubstr("t0p")));
  secrets_->secrets["trust"] = {{"ca.crt", "no certificate"}};
  secrets_->secrets["origin"] = {{"X", "v"}};
  EXPECT_THAT(error_of(Spec()), HasSubstr("tls"));
}

class RunFromLists : public ::testing::Test {
 protected:
  RunSpec Spec(const std::string& list, api::HttpSource::Format format, const std::string& key) {
    RunSpec spec = ItemRun(1, nginx_.url("/item/{key}"), redis_.address());
    spec.policy.sources[0].pattern.reset();
    spec.policy.sources[0].http = api::HttpSource{nginx_.url(list), format, key};
    return spec;
  }
  std::string Documents(const std::string& kind, const std::vector<std::string>& places) {
    const std::string item = kind == "urlset" ? "url" : "sitemap";
    std::string text = "<?xml version=\"1.0\"?><" + kind + ">";
    for (const auto& place : places)
      text += "<" + item + "><loc>" + nginx_.url(place) + "</loc></" + item + ">";
    return text + "</" + kind + ">";
  }

  NginxServer nginx_{
      "location /item/ { return 200 \"value of $uri\"; }\n"
      "location /moved.txt { return 302 /keys.txt; }\nlocation / { root www; }\n"};
  RedisServer redis_;
};

TEST_F(RunFromLists, ReadsLinesPlainCompressedAndMoved) {
  std::string keys;
  for (int i = 0; i < 5000; ++i)
    keys += "k" + std::to_string(i) + "\t" + std::to_string(i) + "\r\n";
  nginx_.Put("keys.txt", keys);
  nginx_.Put("keys.gz", Gzip(keys));
  for (const char* list : {"/keys.txt", "/keys.gz", "/moved.txt"}) {
    (void)redis_.Cli({"flushall"});
    RunSpec spec = Spec(list, api::HttpSource::Format::kLines, "p:{key}");
    EXPECT_EQ(RunToEnd(spec).progress.tally.warmed, 5000) << list;
    EXPECT_EQ(redis_.Cli({"get", "p:k4999"}), "value of /item/p:k4999") << list;
  }
}

TEST_F(RunFromLists, FollowsAnIndexOfSitemaps) {
  nginx_.Put("index.xml", Documents("sitemapindex", {"/a.xml", "/index.xml", "/b.xml.gz"}));
  nginx_.Put("a.xml", Documents("urlset", {"/item/1", "/item/2"}));
  nginx_.Put("b.xml.gz", Gzip(Documents("urlset", {"/item/2", "/item/3"})));
  RunSpec spec = Spec("/index.xml", api::HttpSource::Format::kSitemap, "{path}");
  spec.policy.origins[0].http->url = nginx_.url("{+path}");
  const Report report = RunToEnd(spec);
  EXPECT_EQ(report.reason, "Warmed") << report.message;
  EXPECT_EQ(report.progress.tally.warmed, 3);
  EXPECT_EQ(redis_.Cli({"get", "/item/3"}), "value of /item/3");
}

class RunWithTrouble : public ::testing::Test {
 protected:
  using Clock = std::chrono::steady_clock;
  static std::string Ok() { return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"; }
  RedisServer redis_;
  std::mutex mutex_;
  std::vector<Clock::time_point> arrivals_;
};

TEST_F(RunWithTrouble, WaitsAsLongAsRetryAfterSays) {
  BadOrigin origin(
      {{"/", [&](BadOrigin::Peer& peer) {
          const std::lock_guard lock(mutex_);
          arrivals_.push_back(Clock::now());
          if (arrivals_.size() != 3) return peer.Send(Ok());
          return peer.Send(
              "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n");
        }}});
  RunSpec spec = ItemRun(10, origin.url("/"), redis_.address());
  spec.policy.pacing.max_in_flight = 1;
  const Report report = RunToEnd(spec);
  EXPECT_EQ(report.progress.tally.warmed, 10) << report.message;
  ASSERT_EQ(arrivals_.size(), 11U);
  EXPECT_GE(arrivals_[3] - arrivals_[2], std::chrono::milliseconds(990));
}

TEST_F(RunWithTrouble, NeverWritesAValueThatIsCutShort) {
  BadOrigin origin({{"/", [](BadOrigin::Peer& peer) {
                       peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it");
                       return false;
                     }}});
  const Report report = RunToEnd(ItemRun(5, origin.url("/"), redis_.address()));
  EXPECT_EQ(report.progress.tally.warmed, 0);
  EXPECT_EQ(report.progress.tally.failed, 5) << report.message;
  EXPECT_EQ(redis_.Cli({"dbsize"}), "0");
}

TEST_F(RunWithTrouble, CancelsARequestThatStallsWithinASecond) {
  BadOrigin origin({{"/", [](BadOrigin::Peer& peer) {
                       peer.Stall();
                       return false;
                     }}});
  auto run = warming::Run::Create(ItemRun(100, origin.url("/"), redis_.address()),
                                  std::make_shared<SomeSecrets>(), {});
  ASSERT_TRUE(run) << run.error().message;
  (*run)->Start();
  ASSERT_TRUE(stoker::testing::WaitFor([&] { return origin.requests() == 32; }));
  const auto asked = Clock::now();
  (*run)->Cancel("the test has seen enough");
  EXPECT_EQ((*run)->Wait().reason, "Cancelled");
  EXPECT_LT(Clock::now() - asked, std::chrono::seconds(1));
  EXPECT_EQ(origin.requests(), 32);
}

}  // namespace
}  // namespace stoker::warming
