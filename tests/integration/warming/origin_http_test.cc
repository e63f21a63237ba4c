#include <gtest/gtest.h>

#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <set>
#include <sstream>

#include "controller/warming/net/loop_pool.h"
#include "controller/warming/origin/http_client.h"
#include "tests/support/loop_runner.h"
#include "tests/support/nginx_server.h"
#include "tests/support/redis_server.h"

namespace stoker::warming {
namespace {

std::shared_ptr<const EgressGuard> Open() {
  return std::make_shared<const EgressGuard>(*EgressGuard::Make(false, {}, {}));
}

SteadyTime Soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(10); }

FetchResult Get(const std::string& url, HttpClientOptions options = {}) {
  asio::io_context loop;
  HttpClient client(loop, Open(), std::move(options));
  return testing::RunOn(loop, client.Fetch(url, Soon(), nullptr));
}

TEST(HttpOrigin, FetchesOverOneKeptConnection) {
  testing::NginxServer nginx("");
  nginx.Put("a", "alpha");
  nginx.Put("b", "beta");
  {
    asio::io_context loop;
    HttpClient client(loop, Open(), {});
    for (int i = 0; i < 3; ++i) {
      const auto a = testing::RunOn(loop, client.Fetch(nginx.url("/a"), Soon(), nullptr));
      ASSERT_TRUE(a) << a.error().message;
      EXPECT_EQ(a->body, "alpha");
      const auto missing =
          testing::RunOn(loop, client.Fetch(nginx.url("/missing?token=hunter2"), Soon(), nullptr));
      ASSERT_FALSE(missing);
      EXPECT_EQ(missing.error().reason, "HTTP404");
      EXPECT_FALSE(missing.error().retryable);
      EXPECT_EQ(missing.error().message.find("hunter2"), std::string::npos);
      const auto b = testing::RunOn(loop, client.Fetch(nginx.url("/b"), Soon(), nullptr));
      ASSERT_TRUE(b);
      EXPECT_EQ(b->body, "beta");
    }
  }
  std::set<std::string> connections;
  int lines = 0;
  ASSERT_TRUE(testing::WaitFor([&] {
    std::istringstream log(nginx.AccessLog());
    lines = 0;
    for (std::string status, connection, rest;
         log >> status >> connection && std::getline(log, rest); ++lines) {
      connections.insert(connection);
    }
    return lines == 9;
  })) << nginx.AccessLog();
  EXPECT_EQ(connections.size(), 1U);
}

TEST(HttpOrigin, UndoesGzip) {
  testing::NginxServer nginx("gzip on; gzip_types *; gzip_min_length 1; location / {}");
  const std::string text(50'000, 'z');
  nginx.Put("zipped", text);
  const auto got = Get(nginx.url("/zipped"));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->body, text);
  EXPECT_LT(got->wire_bytes, 5'000U);
  const auto capped = Get(nginx.url("/zipped"), {.max_body_bytes = 49'999});
  ASSERT_FALSE(capped);
  EXPECT_EQ(capped.error().reason, "BodyTooLarge");
}

TEST(HttpOrigin, FollowsRedirectsAndAsksBeforeEach) {
  testing::NginxServer nginx(
      "location = /1 { return 301 /2; } location = /2 { return 302 ../3; } location = /3 { return "
      "200 end; }"
      "location = /loop { return 301 /loop; }");
  asio::io_context loop;
  HttpClient client(loop, Open(), {});
  int asked = 0;
  const std::function<asio::awaitable<Status>()> ask = [&]() -> asio::awaitable<Status> {
    ++asked;
    co_return Status();
  };
  const auto got = testing::RunOn(loop, client.Fetch(nginx.url("/1"), Soon(), ask));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->body, "end");
  EXPECT_EQ(asked, 3);
  const auto endless = testing::RunOn(loop, client.Fetch(nginx.url("/loop"), Soon(), ask));
  ASSERT_FALSE(endless);
  EXPECT_EQ(endless.error().reason, "TooManyRedirects");
  EXPECT_EQ(asked, 3 + 6);
  const std::function<asio::awaitable<Status>()> refuse = []() -> asio::awaitable<Status> {
    co_return Cancelled("the run was cancelled");
  };
  const auto refused = testing::RunOn(loop, client.Fetch(nginx.url("/1"), Soon(), refuse));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "Cancelled");
}

TEST(HttpOrigin, HeadersStayAtTheHostTheyAreFor) {
  testing::NginxServer other(
      "location / { return 200 \"[$http_authorization][$http_x_key][$http_accept_language]\"; }");
  testing::NginxServer first(
      "location /away { return 302 " + other.url("/in") +
      "; }"
      "location /stay { return 302 /in; }"
      "location /in { return 200 \"[$http_authorization][$http_x_key][$http_accept_language]\"; }");
  const HttpClientOptions options{
      .headers = {{"Authorization", "Bearer hunter2"}, {"X-Key", "k"}, {"Accept-Language", "de"}}};
  const auto stayed = Get(first.url("/stay"), options);
  ASSERT_TRUE(stayed) << stayed.error().message;
  EXPECT_EQ(stayed->body, "[Bearer hunter2][k][de]");
  const auto left = Get(first.url("/away"), options);
  ASSERT_TRUE(left) << left.error().message;
  EXPECT_EQ(left->body, "[][][de]");
}

TEST(HttpOrigin, AHostBehindARedirectThatIsDownIsNotTheOrigin) {
  const std::string nobody = "http://127.0.0.1:" + std::to_string(testing::FreePort()) + "/";
  const auto direct = Get(nobody);
  ASSERT_FALSE(direct);
  EXPECT_TRUE(direct.error().connection);
  testing::NginxServer nginx("location / { return 302 " + nobody + "; }");
  const auto led = Get(nginx.url("/"));
  ASSERT_FALSE(led);
  EXPECT_EQ(led.error().reason, "ConnectionRefused");
  EXPECT_FALSE(led.error().connection);
}

TEST(HttpOrigin, AsksForLeaveWhenTheConnectionStandsAndAddsItsTime) {
  testing::NginxServer nginx("location / { return 200 x; }");
  asio::io_context loop;
  HttpClient client(loop, Open(), {});
  const std::function<asio::awaitable<Status>()> slow = [&]() -> asio::awaitable<Status> {
    asio::steady_timer timer(loop, Millis(400));
    co_await timer.async_wait(asio::use_awaitable);
    co_return Status();
  };
  const auto deadline = std::chrono::steady_clock::now() + Millis(300);
  const auto got = testing::RunOn(loop, client.Fetch(nginx.url("/"), deadline, slow));
  ASSERT_TRUE(got) << got.error().message;
  int asked = 0;
  const std::function<asio::awaitable<Status>()> count = [&]() -> asio::awaitable<Status> {
    ++asked;
    co_return Status();
  };
  const std::string nobody = "http://127.0.0.1:" + std::to_string(testing::FreePort()) + "/";
  EXPECT_FALSE(testing::RunOn(loop, client.Fetch(nobody, Soon(), count)));
  EXPECT_EQ(asked, 1) << "dials that fail are paced, too";
}

TEST(HttpOrigin, RetryAfterOf429IsHandedOn) {
  testing::NginxServer nginx("location / { add_header Retry-After 7 always; return 429; }");
  const auto got = Get(nginx.url("/"));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().reason, "HTTP429");
  EXPECT_TRUE(got.error().retryable);
  EXPECT_FALSE(got.error().connection);
  EXPECT_EQ(got.error().retry_after, Millis(7000));
}

TEST(HttpOrigin, SpeaksTls) {
  const testing::TempDir dir;
  const auto certs = testing::MakeCertificates(dir, "IP:127.0.0.1");
  testing::NginxServer nginx(
      "", "ssl",
      "ssl_certificate " + certs.cert_file + "; ssl_certificate_key " + certs.key_file + ";");
  const std::string large(300'000, 'L');
  nginx.Put("large", large);
  const std::string url = "https://" + nginx.address() + "/large";
  HttpClientOptions options;
  options.tls = *TlsContext::Make({.ca_pem = certs.ca_pem});
  const auto got = Get(url, options);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->body, large);
  const auto distrusted = Get(url);
  ASSERT_FALSE(distrusted);
  EXPECT_EQ(distrusted.error().reason, "TLSNotTrusted");
  EXPECT_FALSE(distrusted.error().retryable);
  EXPECT_TRUE(distrusted.error().connection);
}

TEST(HttpOrigin, StreamsInPiecesAndStopsWhenTold) {
  testing::NginxServer nginx("");
  nginx.Put("large", std::string(1 << 20, 's'));
  asio::io_context loop;
  HttpClient client(loop, Open(), {});
  std::size_t total = 0;
  std::size_t largest = 0;
  const auto all = testing::RunOn(
      loop,
      client.FetchStreaming(nginx.url("/large"), Soon(), nullptr, [&](std::string_view piece) {
        total += piece.size();
        largest = std::max(largest, piece.size());
        return true;
      }));
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(total, std::size_t{1} << 20);
  EXPECT_LE(largest, std::size_t{16} << 10);
  EXPECT_TRUE(all->body.empty());
  const auto stopped =
      testing::RunOn(loop, client.FetchStreaming(nginx.url("/large"), Soon(), nullptr,
                                                 [](std::string_view) { return false; }));
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().reason, "Cancelled");
}

TEST(HttpGet, AnswersPlainThreads) {
  testing::NginxServer nginx("location = /moved { return 302 /file; }");
  nginx.Put("file", "text");
  const EgressGuard open = *EgressGuard::Make(false, {}, {});
  const EgressGuard guarded = *EgressGuard::Make(true, {}, {});
  EXPECT_EQ(HttpGet(nginx.url("/file"), Millis(5000), 100, open).value(), "text");
  EXPECT_EQ(HttpGet(nginx.url("/none"), Millis(5000), 100, open).error().code, Code::kNotFound);
  EXPECT_EQ(HttpGet(nginx.url("/file"), Millis(5000), 3, open).error().code, Code::kExhausted);
  EXPECT_EQ(HttpGet(nginx.url("/moved"), Millis(5000), 100, open).error().code, Code::kUnavailable);
  EXPECT_EQ(HttpGet(nginx.url("/file"), Millis(5000), 100, guarded).error().code,
            Code::kPermission);
}

}  // namespace
}  // namespace stoker::warming
