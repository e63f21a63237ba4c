#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <cstdlib>
#include <mutex>

#include "controller/kube/config.h"
#include "controller/kube/transport.h"
#include "tests/support/api_server.h"
#include "tests/support/fake_api_server.h"

namespace stoker::kube {
namespace {

using stoker::testing::FakeApiServer;
using stoker::testing::FakeTls;
using stoker::testing::IssueCertificate;
using stoker::testing::ReadFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

HttpRequest Root() {
  HttpRequest request;
  request.path = "/";
  return request;
}

// Two authorities: ours, and a rogue that the system trusts.
class TransportTlsTest : public ::testing::Test {
 protected:
  TransportTlsTest() {
    stoker::testing::MakeCa(ours_);
    stoker::testing::MakeCa(rogue_, "rogue");
    config_.ca_pem = ReadFile(ours_ + "/ca.crt");
  }

  FakeTls Tls(const std::string& authority, const std::string& san = "IP:127.0.0.1,DNS:localhost") {
    const auto files = IssueCertificate(authority, "server", "/CN=server", san);
    FakeTls tls;
    tls.cert_file = files.cert_file;
    tls.key_file = files.key_file;
    return tls;
  }

  FakeApiServer::Script Note() {
    return [this](const FakeApiServer::Request&, FakeApiServer::Connection& c) {
      {
        const std::lock_guard lock(mutex_);
        names_.push_back(c.sni());
        subjects_.push_back(c.client_subject());
      }
      c.Reply(200, "{}", {{"Connection", "close"}});
    };
  }

  Result<HttpResponse> Get(const std::string& url) {
    config_.server = url;
    auto transport = MakeTransport(config_);
    if (!transport) return std::move(transport.error());
    return (*transport)->Do(Root(), {});
  }

  const stoker::testing::TempDir dir_;
  const std::string ours_ = dir_.path() + "/ours";
  const std::string rogue_ = dir_.path() + "/rogue";
  Config config_;
  std::mutex mutex_;
  std::vector<std::string> names_, subjects_;  // protected by mutex_
};

TEST_F(TransportTlsTest, OurAuthorityReplacesTheSystems) {
  setenv("SSL_CERT_FILE", (rogue_ + "/ca.crt").c_str(), 1);
  {
    FakeApiServer server(Note(), Tls(rogue_));
    const auto refused = Get(server.url());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kPermission);
    EXPECT_THAT(refused.error().message, HasSubstr("not trusted"));
    config_.ca_pem.clear();  // the system's
    EXPECT_TRUE(Get(server.url()));
  }
  unsetenv("SSL_CERT_FILE");
}

TEST_F(TransportTlsTest, TheNameInTheCertificateCounts) {
  FakeApiServer server(Note(), Tls(ours_, "DNS:elsewhere.example"));
  const auto refused = Get(server.url());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kPermission);
  config_.tls_server_name = "elsewhere.example";
  EXPECT_TRUE(Get(server.url()));
  config_.tls_server_name.clear();
  config_.insecure_skip_tls_verify = true;
  EXPECT_TRUE(Get(server.url()));
}

TEST_F(TransportTlsTest, AddressesAreNotSentAsServerNames) {
  FakeApiServer server(Note(), Tls(ours_));
  EXPECT_TRUE(Get(server.url("127.0.0.1")));
  EXPECT_TRUE(Get(server.url("localhost")));
  EXPECT_THAT(names_, ElementsAre("", "localhost"));
}

TEST_F(TransportTlsTest, OldProtocolsAreRefused) {
  FakeTls old = Tls(ours_);
  old.max_version = TLS1_1_VERSION;
  FakeApiServer server(Note(), old);
  const auto refused = Get(server.url());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
}

TEST_F(TransportTlsTest, AReplacedClientCertificateIsUsedByTheNextConnection) {
  FakeTls tls = Tls(ours_);
  tls.client_ca_file = ours_ + "/ca.crt";
  FakeApiServer server(Note(), tls);
  const auto first = IssueCertificate(ours_, "client", "/CN=first", "DNS:client");
  config_.server = server.url();
  config_.client_cert_file = first.cert_file;
  config_.client_key_file = first.key_file;
  auto transport = MakeTransport(config_);
  ASSERT_TRUE(transport);
  ASSERT_TRUE((*transport)->Do(Root(), {}));
  (void)IssueCertificate(ours_, "client", "/CN=second", "DNS:client");  // the same files
  ASSERT_TRUE((*transport)->Do(Root(), {}));
  EXPECT_THAT(subjects_, ElementsAre("/CN=first", "/CN=second"));
}

TEST_F(TransportTlsTest, ARefusedClientCertificateIsSaidSo) {
  FakeTls tls = Tls(ours_);
  tls.client_ca_file = ours_ + "/ca.crt";
  FakeApiServer server(Note(), tls);
  const auto refused = Get(server.url());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kPermission);
  EXPECT_THAT(refused.error().message, HasSubstr("client certificate"));
}

TEST_F(TransportTlsTest, AMissingClientCertificateFileIsNamed) {
  FakeApiServer server(Note(), Tls(ours_));
  config_.client_cert_file = "/nowhere/tls.crt";
  config_.client_key_file = "/nowhere/tls.key";
  const auto failed = Get(server.url());
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::kPermission);
  EXPECT_THAT(failed.error().message, HasSubstr("/nowhere/tls.crt"));
}

}  // namespace
}  // namespace stoker::kube
