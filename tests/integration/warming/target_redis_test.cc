#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "controller/warming/target/redis_target.h"
#include "tests/support/loop_runner.h"
#include "tests/support/redis_server.h"

namespace stoker::warming {
namespace {

using std::chrono::milliseconds;
using WriteResult = tl::expected<WriteOutcome, TargetError>;

SteadyTime Soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(10); }

class Client {
 public:
  explicit Client(const std::string& address, RedisOptions options = {}) {
    const auto tls = options.endpoint.tls;
    options.endpoint = *ParseHostPort(address);
    options.endpoint.tls = tls;
    target = MakeRedisTarget(loop,
                             std::make_shared<const EgressGuard>(*EgressGuard::Make(false, {}, {})),
                             std::move(options));
  }

  tl::expected<void, TargetError> Open() { return testing::RunOn(loop, target->Open(Soon())); }

  // Writes, and runs the loop until the answer came.
  WriteResult Put(const std::string& key, const std::string& value, Millis ttl = Millis(0),
                  bool if_absent = false) {
    std::optional<WriteResult> outcome;
    target->Write(key, value, ttl, if_absent, [&](WriteResult got) { outcome = std::move(got); });
    RunUntil([&] { return outcome.has_value(); });
    return outcome ? *outcome : tl::make_unexpected(TargetError{"NoAnswer", "", false, false});
  }

  template <class Condition>
  void RunUntil(Condition condition, milliseconds timeout = milliseconds(15'000)) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    loop.restart();
    while (!condition() && std::chrono::steady_clock::now() < deadline)
      loop.run_one_for(milliseconds(20));
  }

  asio::io_context loop;
  std::unique_ptr<Target> target;
};

std::string Reason(const tl::expected<void, TargetError>& opened) {
  return opened ? "" : opened.error().reason;
}

TEST(RedisTarget, WritesProbesAndReads) {
  const testing::RedisServer server;
  Client client(server.address());
  ASSERT_TRUE(client.Open());
  EXPECT_EQ(client.Put("a", "1", Millis(90'500), true), WriteOutcome::kWritten);
  EXPECT_EQ(client.Put("a", "2", Millis(0), true), WriteOutcome::kPresent);
  EXPECT_EQ(client.Put("b", std::string("x\r\ny\0z", 6)), WriteOutcome::kWritten);
  EXPECT_EQ(server.Cli({"get", "a"}), "1");
  EXPECT_EQ(server.Cli({"strlen", "b"}), "6");
  ASSERT_EQ(server.Cli({"lpush", "list", "x"}), "1");
  const auto probed =
      testing::RunOn(client.loop, client.target->Probe({"a", "none", "list"}, Millis(0), Soon()));
  ASSERT_TRUE(probed);
  EXPECT_EQ(*probed, (std::vector<bool>{true, false, true}));
  const auto held =
      testing::RunOn(client.loop, client.target->Read({"a", "none", "b", "list"}, Soon()));
  ASSERT_TRUE(held) << held.error().message;
  EXPECT_EQ((*held)[0].value, "1");
  ASSERT_TRUE((*held)[0].ttl);
  EXPECT_GT(*(*held)[0].ttl, Millis(80'000));
  EXPECT_LE(*(*held)[0].ttl, Millis(90'500));
  EXPECT_FALSE((*held)[1].present);
  EXPECT_FALSE((*held)[2].ttl);
  EXPECT_EQ((*held)[2].value, std::string("x\r\ny\0z", 6));
  EXPECT_TRUE((*held)[3].present);
  EXPECT_FALSE((*held)[3].value);
}

TEST(RedisTarget, ReadsValuesLargerThanItsBuffer) {
  const testing::RedisServer server;
  Client client(server.address());
  const std::string large(3 << 20, 'L');
  ASSERT_TRUE(client.Put("large", large));
  const auto held = testing::RunOn(client.loop, client.target->Read({"large"}, Soon()));
  ASSERT_TRUE(held);
  EXPECT_EQ((*held)[0].value, large);
}

TEST(RedisTarget, CredentialsAreCheckedWhenItOpens) {
  const testing::RedisServer server({"requirepass hunter2", "user warmer on >s3cret ~* +@all"});
  EXPECT_EQ(Reason(Client(server.address()).Open()), "TargetAuth");
  EXPECT_EQ(Reason(Client(server.address(), {.password = "hunter2"}).Open()), "");
  EXPECT_EQ(Reason(Client(server.address(), {.username = "warmer", .password = "s3cret"}).Open()),
            "");
  const auto wrong = Client(server.address(), {.username = "warmer", .password = "gu3ss"}).Open();
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().reason, "TargetAuth");
  EXPECT_TRUE(wrong.error().whole_target);
  EXPECT_FALSE(wrong.error().retryable);
  EXPECT_EQ(wrong.error().message.find("gu3ss"), std::string::npos);
  const testing::RedisServer open;
  EXPECT_EQ(Reason(Client(open.address(), {.password = "needless"}).Open()), "TargetAuth");
}

TEST(RedisTarget, SelectsItsDatabase) {
  const testing::RedisServer server;
  Client client(server.address(), {.database = 3});
  ASSERT_TRUE(client.Put("a", "1"));
  EXPECT_EQ(server.Cli({"-n", "3", "get", "a"}), "1");
  EXPECT_EQ(Reason(Client(server.address(), {.database = 99}).Open()), "TargetRejected");
}

TEST(RedisTarget, SpeaksTls) {
  const testing::TempDir dir;
  const auto certs = testing::MakeCertificates(dir, "IP:127.0.0.1");
  const testing::RedisServer server({"tls-port 0", "tls-cert-file " + certs.cert_file,
                                     "tls-key-file " + certs.key_file,
                                     "tls-ca-cert-file " + certs.ca_file, "tls-auth-clients no"});
  RedisOptions trusted;
  trusted.endpoint.tls = *TlsContext::Make({.ca_pem = certs.ca_pem});
  Client client(server.address(), trusted);
  ASSERT_TRUE(client.Open());
  int written = 0;
  for (int i = 0; i < 500; ++i) {
    client.target->Write("k" + std::to_string(i), std::string(1000, 'v'), Millis(0), false,
                         [&](const WriteResult& got) { written += got ? 1 : 0; });
  }
  client.RunUntil([&] { return written == 500; });
  EXPECT_EQ(written, 500);
  RedisOptions distrusting;
  distrusting.endpoint.tls = *TlsContext::Make({});
  EXPECT_EQ(Reason(Client(server.address(), distrusting).Open()), "TargetTLSNotTrusted");
}

TEST(RedisTarget, AskedForTlsAPlainServerIsToldFromASlowOne) {
  const testing::RedisServer plain;
  RedisOptions options{.reply_timeout = Millis(2'000)};
  options.endpoint.tls = *TlsContext::Make({});
  const auto start = std::chrono::steady_clock::now();
  const auto opened = Client(plain.address(), options).Open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().reason, "TargetTLSMismatch");
  EXPECT_TRUE(opened.error().standing());
  EXPECT_NE(opened.error().message.find(plain.address() + " does not speak TLS"),
            std::string::npos);
  EXPECT_NE(opened.error().message.find("remove tls"), std::string::npos);
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(5'000));
}

TEST(RedisTarget, ATlsServerAskedInPlainTextSaysWhichFieldIsMissing) {
  const testing::TempDir dir;
  const auto certs = testing::MakeCertificates(dir, "IP:127.0.0.1");
  const testing::RedisServer server({"tls-port 0", "tls-cert-file " + certs.cert_file,
                                     "tls-key-file " + certs.key_file,
                                     "tls-ca-cert-file " + certs.ca_file, "tls-auth-clients no"});
  const auto start = std::chrono::steady_clock::now();
  const auto opened = Client(server.address()).Open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().reason, "TargetUnavailable");
  EXPECT_TRUE(opened.error().retryable) << "a server that restarts closes connections too";
  EXPECT_NE(opened.error().message.find("if it speaks TLS there, set tls"), std::string::npos)
      << opened.error().message;
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(3'000));
}

TEST(RedisTarget, FullServerSaysOutOfMemory) {
  const testing::RedisServer server({"maxmemory 2mb", "maxmemory-policy noeviction"});
  Client client(server.address());
  WriteResult last = WriteOutcome::kWritten;
  for (int i = 0; i < 100 && last; ++i)
    last = client.Put("k" + std::to_string(i), std::string(100'000, 'v'));
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().reason, "TargetOutOfMemory");
  EXPECT_TRUE(last.error().whole_target);
}

TEST(RedisTarget, ReplicaSaysReadOnly) {
  const testing::RedisServer primary({"repl-diskless-sync-delay 0"});
  const testing::RedisServer replica({"replicaof 127.0.0.1 " + std::to_string(primary.port())});
  ASSERT_TRUE(testing::WaitFor([&] {
    return replica.Cli({"info", "replication"}).find("link_status:up") != std::string::npos;
  }));
  Client client(replica.address());
  const WriteResult got = client.Put("a", "1");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().reason, "TargetReadOnly");
}

TEST(RedisTarget, NobodyListeningIsRetryableAndNamesTheAddress) {
  const std::string address = "127.0.0.1:" + std::to_string(testing::FreePort());
  Client client(address);
  const auto opened = client.Open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().reason, "TargetUnavailable");
  EXPECT_EQ(opened.error().message, address + " refused the connection");
  EXPECT_TRUE(opened.error().retryable);
  EXPECT_TRUE(opened.error().whole_target);
}

TEST(RedisTarget, KilledServerFailsWhatWasSentAndComesBack) {
  testing::RedisServer server;
  Client client(server.address());
  ASSERT_TRUE(client.Open());
  server.Signal(SIGSTOP);
  int answered = 0;
  int retryable = 0;
  for (int i = 0; i < 1000; ++i) {
    client.target->Write(
        "k" + std::to_string(i), "v", Millis(0), false, [&](const WriteResult& got) {
          ++answered;
          retryable +=
              !got && got.error().retryable && got.error().reason == "TargetUnavailable" ? 1 : 0;
        });
  }
  client.RunUntil([] { return false; }, milliseconds(100));
  EXPECT_EQ(answered, 0);
  server.Kill();
  client.RunUntil([&] { return answered == 1000; });
  EXPECT_EQ(answered, 1000);
  EXPECT_EQ(retryable, 1000);
  server.Start();
  WriteResult got = client.Put("again", "v");
  for (int i = 0; i < 50 && !got; ++i) got = client.Put("again", "v");
  EXPECT_TRUE(got) << got.error().message;
  EXPECT_EQ(server.Cli({"get", "again"}), "v");
}

TEST(RedisTarget, SilentServerCostsTheReplyTimeout) {
  testing::RedisServer server;
  Client client(server.address(), {.reply_timeout = Millis(400)});
  ASSERT_TRUE(client.Open());
  server.Signal(SIGSTOP);
  const auto start = std::chrono::steady_clock::now();
  const WriteResult got = client.Put("a", "1");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().reason, "TargetTimeout");
  EXPECT_TRUE(got.error().retryable);
  EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(390));
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(2000));
  server.Signal(SIGCONT);
}

TEST(RedisTarget, FullPipelineHoldsTheWriterBack) {
  testing::RedisServer server;
  Client client(server.address(), {.max_pending_commands = 10});
  ASSERT_TRUE(client.Open());
  server.Signal(SIGSTOP);
  for (int i = 0; i < 10; ++i)
    client.target->Write("k" + std::to_string(i), "v", Millis(0), false, [](const WriteResult&) {});
  bool writable = false;
  asio::co_spawn(client.loop, client.target->Writable(),
                 [&](std::exception_ptr) { writable = true; });
  client.RunUntil([&] { return writable; }, milliseconds(200));
  EXPECT_FALSE(writable);
  server.Signal(SIGCONT);
  client.RunUntil([&] { return writable; });
  EXPECT_TRUE(writable);
}

TEST(RedisTarget, CancelFailsEverythingPendingAtOnce) {
  testing::RedisServer server;
  Client client(server.address());
  ASSERT_TRUE(client.Open());
  server.Signal(SIGSTOP);
  int cancelled = 0;
  for (int i = 0; i < 5; ++i) {
    client.target->Write("k", "v", Millis(0), false, [&](const WriteResult& got) {
      cancelled += !got && got.error().reason == "Cancelled" ? 1 : 0;
    });
  }
  client.target->Cancel();
  EXPECT_EQ(cancelled, 5);
  EXPECT_EQ(client.Put("k", "v").error().reason, "Cancelled");
  server.Signal(SIGCONT);
}

}  // namespace
}  // namespace stoker::warming
