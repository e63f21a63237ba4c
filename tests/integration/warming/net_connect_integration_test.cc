#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <asio/steady_timer.hpp>

#include "controller/warming/net/connect.h"
#include "tests/support/loop_runner.h"
#include "tests/support/nginx_server.h"
#include "tests/support/redis_server.h"

namespace stoker::warming {
namespace {

using Reason = ConnectError::Reason;
using std::chrono::milliseconds;

std::shared_ptr<const EgressGuard> Guard(bool guarded) {
  return std::make_shared<const EgressGuard>(*EgressGuard::Make(guarded, {}, {}));
}

struct Attempt {
  std::optional<ConnectError> error;
  milliseconds took{0};
};

Attempt Dial(Endpoint endpoint, milliseconds deadline, bool guarded = false,
             ResolverOptions resolver = {}) {
  asio::io_context loop;
  Connector connector(loop, Guard(guarded), std::move(resolver));
  const auto start = std::chrono::steady_clock::now();
  ConnectResult result = testing::RunOn(loop, connector.Connect(endpoint, start + deadline));
  Attempt attempt;
  attempt.took = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
  if (!result) attempt.error = std::move(result.error());
  return attempt;
}

// A UDP socket that takes questions and never answers.
class SilentNameServer {
 public:
  SilentNameServer() : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    bind(fd_, reinterpret_cast<sockaddr*>(&address), size);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ~SilentNameServer() { close(fd_); }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // Packets that came since the last call.
  [[nodiscard]] int Questions() const {
    char byte = 0;
    int count = 0;
    while (recv(fd_, &byte, 1, MSG_DONTWAIT) > 0) ++count;
    return count;
  }

 private:
  int fd_;
  int port_ = 0;
};

TEST(Connect, SilentNameServerCostsTheDeadline) {
  const SilentNameServer silent;
  const Attempt attempt = Dial({"shop.example", "80", nullptr}, milliseconds(500), false,
                               {.servers = silent.address()});
  ASSERT_TRUE(attempt.error);
  EXPECT_EQ(attempt.error->reason, Reason::kTimeout);
  EXPECT_EQ(attempt.error->code, Code::kTimeout);
  EXPECT_GE(attempt.took, milliseconds(499));
  EXPECT_LT(attempt.took, milliseconds(1500));
  EXPECT_GT(silent.Questions(), 0);
}

TEST(Connect, OneNameIsAskedForOnceHoweverManyWait) {
  const SilentNameServer silent;
  asio::io_context loop;
  Connector connector(loop, Guard(false), {.servers = silent.address(), .attempts = 1});
  int ended = 0;
  for (int i = 0; i < 20; ++i) {
    asio::co_spawn(loop,
                   connector.Connect({"shop.example", "80", nullptr},
                                     std::chrono::steady_clock::now() + milliseconds(300)),
                   [&](std::exception_ptr, ConnectResult result) {
                     ended += !result && result.error().reason == Reason::kTimeout ? 1 : 0;
                   });
  }
  loop.run();
  EXPECT_EQ(ended, 20);
  EXPECT_LE(silent.Questions(), 2) << "one for each address family";
}

TEST(Connect, FullBacklogCostsTheDeadline) {
  // A listener whose queue is full drops further SYNs, as a black-holed address would.
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener, 0), 0);
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  std::vector<int> fillers;
  for (int i = 0; i < 4; ++i) {
    fillers.push_back(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    (void)!connect(fillers.back(), reinterpret_cast<sockaddr*>(&address), size);
  }
  const Attempt attempt =
      Dial({"127.0.0.1", std::to_string(ntohs(address.sin_port)), nullptr}, milliseconds(500));
  ASSERT_TRUE(attempt.error);
  EXPECT_EQ(attempt.error->reason, Reason::kTimeout);
  EXPECT_GE(attempt.took, milliseconds(499));
  EXPECT_LT(attempt.took, milliseconds(1500));
  for (const int fd : fillers) close(fd);
  close(listener);
}

TEST(Connect, SaysThatNobodyListens) {
  const std::string port = std::to_string(testing::FreePort());
  const Attempt attempt = Dial({"127.0.0.1", port, nullptr}, milliseconds(5000));
  ASSERT_TRUE(attempt.error);
  EXPECT_EQ(attempt.error->reason, Reason::kRefused);
  EXPECT_EQ(attempt.error->message, "127.0.0.1:" + port + " refused the connection");
  EXPECT_LT(attempt.took, milliseconds(2000));
}

TEST(Connect, GuardIsAskedAtTheDialForNamesToo) {
  const testing::RedisServer server;
  for (const char* host : {"127.0.0.1", "localhost", "::ffff:127.0.0.1"}) {
    const Attempt attempt =
        Dial({host, std::to_string(server.port()), nullptr}, milliseconds(5000), true);
    ASSERT_TRUE(attempt.error) << host;
    EXPECT_EQ(attempt.error->reason, Reason::kEgressRefused) << host;
    EXPECT_EQ(attempt.error->code, Code::kPermission) << host;
  }
  EXPECT_FALSE(
      Dial({"localhost", std::to_string(server.port()), nullptr}, milliseconds(5000)).error);
}

TEST(Connect, CancelEndsAHangingDial) {
  const SilentNameServer silent;
  asio::io_context loop;
  Connector connector(loop, Guard(false), {.servers = silent.address()});
  asio::steady_timer timer(loop, milliseconds(50));
  timer.async_wait([&](std::error_code) { connector.Cancel(); });
  const auto start = std::chrono::steady_clock::now();
  const ConnectResult result = testing::RunOn(
      loop, connector.Connect({"shop.example", "80", nullptr}, start + std::chrono::seconds(20)));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, Reason::kCancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

class TlsDial : public ::testing::Test {
 protected:
  TlsDial()
      : certs_(testing::MakeCertificates(dir_, "DNS:cache.test,IP:127.0.0.1")),
        nginx_("location / { return 200 x; }", "ssl",
               "ssl_certificate " + certs_.cert_file + "; ssl_certificate_key " + certs_.key_file +
                   ";") {}

  Attempt Try(const TlsOptions& options) {
    return Dial({"127.0.0.1", std::to_string(nginx_.port()), *TlsContext::Make(options)},
                milliseconds(5000));
  }

  testing::TempDir dir_;
  testing::TestCertificates certs_;
  testing::NginxServer nginx_;
};

TEST_F(TlsDial, TrustsTheGivenAuthorityForNameAndAddress) {
  EXPECT_FALSE(Try({.ca_pem = certs_.ca_pem}).error);
  EXPECT_FALSE(Try({.ca_pem = certs_.ca_pem, .server_name = "cache.test"}).error);
}

TEST_F(TlsDial, UnknownAuthorityIsNotTrusted) {
  const Attempt attempt = Try({});
  ASSERT_TRUE(attempt.error);
  EXPECT_EQ(attempt.error->reason, Reason::kTlsNotTrusted);
  EXPECT_NE(attempt.error->message.find("certificate not trusted ("), std::string::npos)
      << attempt.error->message;
  EXPECT_FALSE(Try({.insecure_skip_verify = true}).error);
}

TEST_F(TlsDial, WrongNameSaysWhichFieldMendsIt) {
  const Attempt attempt = Try({.ca_pem = certs_.ca_pem, .server_name = "other.test"});
  ASSERT_TRUE(attempt.error);
  EXPECT_EQ(attempt.error->reason, Reason::kTlsNotTrusted);
  EXPECT_NE(attempt.error->message.find("not valid for other.test"), std::string::npos)
      << attempt.error->message;
}

// Under TLS 1.2 the server judges our certificate, or the lack of it, within the handshake.
TEST_F(TlsDial, ARefusalOfOursIsNotBlamedOnTheirCertificateWhenThatIsNotVerified) {
  const testing::RedisServer strict(
      {"tls-port 0", "tls-cert-file " + certs_.cert_file, "tls-key-file " + certs_.key_file,
       "tls-ca-cert-file " + certs_.ca_file, "tls-auth-clients yes", "tls-protocols TLSv1.2"});
  const auto attempt = [&](const TlsOptions& options) {
    return Dial({"127.0.0.1", std::to_string(strict.port()), *TlsContext::Make(options)},
                milliseconds(5000));
  };
  const Attempt unverified = attempt({.insecure_skip_verify = true});
  ASSERT_TRUE(unverified.error);
  EXPECT_EQ(unverified.error->reason, Reason::kTls) << unverified.error->message;
  EXPECT_NE(unverified.error->message.find("the TLS handshake failed ("), std::string::npos)
      << unverified.error->message;
  const Attempt verified = attempt({});
  ASSERT_TRUE(verified.error);
  EXPECT_EQ(verified.error->reason, Reason::kTlsNotTrusted) << verified.error->message;
}

TEST_F(TlsDial, APeerThatWaitsForTheEndOfALineIsRecognised) {
  const testing::RedisServer plain;
  const Attempt attempt =
      Dial({"127.0.0.1", std::to_string(plain.port()), *TlsContext::Make({})}, milliseconds(2000));
  ASSERT_TRUE(attempt.error);
  EXPECT_EQ(attempt.error->reason, Reason::kNotTls) << attempt.error->message;
  EXPECT_NE(attempt.error->message.find("remove tls"), std::string::npos) << attempt.error->message;
  EXPECT_LT(attempt.took, milliseconds(1950));
}

TEST_F(TlsDial, APeerThatSpeaksPlainTextIsRecognised) {
  const testing::NginxServer plain{"location / { return 200 x; }\n"};
  const Attempt attempt =
      Dial({"127.0.0.1", std::to_string(plain.port()), *TlsContext::Make({})}, milliseconds(5000));
  ASSERT_TRUE(attempt.error);
  EXPECT_EQ(attempt.error->reason, Reason::kNotTls) << attempt.error->message;
}

TEST_F(TlsDial, ANameThatNoCertificateCanBeCheckedAgainstIsRefused) {
  TlsOptions options{.ca_pem = certs_.ca_pem, .server_name = "fe80::1%eth0"};
  const Attempt attempt = Try(options);
  ASSERT_TRUE(attempt.error);
  EXPECT_EQ(attempt.error->reason, Reason::kTlsNotTrusted);
  EXPECT_NE(attempt.error->message.find("set tls.serverName"), std::string::npos)
      << attempt.error->message;
}

TEST_F(TlsDial, AnAnswerThatNobodyAskedForIsNotQuiet) {
  const testing::NginxServer nginx(
      "location / { return 200 x; }", "ssl",
      "ssl_certificate " + certs_.cert_file + "; ssl_certificate_key " + certs_.key_file + ";");
  asio::io_context loop;
  Connector connector(loop, Guard(false));
  ConnectResult stream = testing::RunOn(
      loop, connector.Connect({"127.0.0.1", std::to_string(nginx.port()),
                               *TlsContext::Make({.ca_pem = certs_.ca_pem})},
                              std::chrono::steady_clock::now() + milliseconds(5000)));
  ASSERT_TRUE(stream);
  const auto ask = [&] {
    (void)testing::RunOn(loop, (*stream)->WriteAll("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  };
  std::string all(4096, 0);
  ask();
  const auto first = testing::RunOn(loop, (*stream)->ReadSome(all.data(), all.size()));
  ASSERT_TRUE(first);
  EXPECT_TRUE((*stream)->IsQuiet()) << "session tickets are no surplus";
  ask();
  EXPECT_TRUE(testing::WaitFor([&] { return !(*stream)->IsQuiet(); })) << "not yet read";
  const auto byte = testing::RunOn(loop, (*stream)->ReadSome(all.data(), 1));
  ASSERT_TRUE(byte);
  EXPECT_FALSE((*stream)->IsQuiet()) << "decrypted and not yet taken";
}

TEST_F(TlsDial, MismatchedKeyIsFoundBeforeDialling) {
  const testing::TempDir other;
  const auto stranger = testing::MakeCertificates(other, "DNS:x.test");
  const auto made = TlsContext::Make({.cert_pem = certs_.cert_pem, .key_pem = stranger.key_pem});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message, "private key does not match the certificate");
}

}  // namespace
}  // namespace stoker::warming
