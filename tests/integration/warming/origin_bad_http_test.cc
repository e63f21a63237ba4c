#include <gtest/gtest.h>

#include <asio/co_spawn.hpp>
#include <asio/steady_timer.hpp>
#include <thread>
#include <vector>

#include "controller/warming/origin/http_client.h"
#include "tests/support/bad_origin.h"
#include "tests/support/loop_runner.h"

namespace stoker::warming {
namespace {

using testing::BadOrigin;
using Peer = BadOrigin::Peer;
using std::chrono::milliseconds;

std::shared_ptr<const EgressGuard> Open() {
  return std::make_shared<const EgressGuard>(*EgressGuard::Make(false, {}, {}));
}

std::map<std::string, BadOrigin::Handler> Misbehaviour() {
  return {
      {"/stall", [](Peer& peer) { return peer.Stall(), false; }},
      {"/stall-in-body",
       [](Peer& peer) {
         peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
         return peer.Stall(), false;
       }},
      {"/trickle",
       [](Peer& peer) {
         peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
         while (peer.Send("x")) std::this_thread::sleep_for(milliseconds(20));
         return false;
       }},
      {"/reset", [](Peer& peer) { return peer.Reset(), false; }},
      {"/close", [](Peer&) { return false; }},
      {"/short",
       [](Peer& peer) {
         return peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"), false;
       }},
      {"/long",
       [](Peer& peer) { return peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhalf"); }},
      {"/huge-claim",
       [](Peer& peer) {
         return peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n");
       }},
      {"/endless-body",
       [](Peer& peer) {
         peer.Send("HTTP/1.1 200 OK\r\n\r\n");
         const std::string chunk(65536, 'x');
         while (peer.Send(chunk)) {
         }
         return false;
       }},
      {"/endless-headers",
       [](Peer& peer) {
         peer.Send("HTTP/1.1 200 OK\r\n");
         while (peer.Send("X-Pad: " + std::string(1000, 'x') + "\r\n")) {
         }
         return false;
       }},
      {"/endless-error",
       [](Peer& peer) {
         peer.Send("HTTP/1.1 503 Busy\r\nRetry-After: 3\r\n\r\n");
         const std::string chunk(65536, 'x');
         while (peer.Send(chunk)) {
         }
         return false;
       }},
      {"/not-http", [](Peer& peer) { return peer.Send("220 smtp.example ESMTP\r\n"), false; }},
      {"/no-content", [](Peer& peer) { return peer.Send("HTTP/1.1 204 No Content\r\n\r\n"); }},
      {"/bare-redirect",
       [](Peer& peer) { return peer.Send("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"); }},
      {"/file-redirect",
       [](Peer& peer) {
         return peer.Send(
             "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n");
       }},
  };
}

struct Case {
  const char* path;
  const char* reason;
  bool retryable;
};

class BadHttp : public ::testing::TestWithParam<Case> {};

TEST_P(BadHttp, EndsWithItsReasonWithinTheDeadline) {
  const BadOrigin origin(Misbehaviour());
  asio::io_context loop;
  HttpClient client(loop, Open(), {.max_body_bytes = 1 << 20});
  const auto start = std::chrono::steady_clock::now();
  const FetchResult got = testing::RunOn(
      loop, client.Fetch(origin.url(GetParam().path), start + milliseconds(700), nullptr));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().reason, GetParam().reason) << got.error().message;
  EXPECT_EQ(got.error().retryable, GetParam().retryable);
  EXPECT_FALSE(got.error().connection) << "the host was reached: this may be one entry's trouble";
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(2500));
  EXPECT_FALSE(got.error().message.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadHttp,
    ::testing::Values(Case{"/stall", "Timeout", true}, Case{"/stall-in-body", "Timeout", true},
                      Case{"/trickle", "Timeout", true}, Case{"/reset", "ConnectionReset", true},
                      Case{"/close", "ConnectionReset", true}, Case{"/short", "BadResponse", true},
                      Case{"/long", "BadResponse", true},
                      Case{"/huge-claim", "BodyTooLarge", false},
                      Case{"/endless-body", "BodyTooLarge", false},
                      Case{"/endless-headers", "BodyTooLarge", false},
                      Case{"/endless-error", "HTTP503", true},
                      Case{"/not-http", "BadResponse", true}, Case{"/no-content", "HTTP204", false},
                      Case{"/bare-redirect", "BadResponse", false},
                      Case{"/file-redirect", "BadResponse", false}));

// The third value finds the budget used up, and is favoured; the fourth waits until one is let go.
TEST(LargeBodies, WaitForRoomAndNotOnTheOriginsTime) {
  const std::string body(600 << 10, 'x');
  const BadOrigin origin({{"/large", [&](Peer& peer) {
                             return peer.Send("HTTP/1.1 200 OK\r\nContent-Length: " +
                                              std::to_string(body.size()) + "\r\n\r\n" + body);
                           }}});
  asio::io_context loop;
  const auto budget = std::make_shared<ByteBudget>(1300 << 10);
  HttpClient client(loop, Open(), {.budget = budget});
  std::vector<FetchResult> got;
  for (int i = 0; i < 4; ++i) {
    asio::co_spawn(
        loop,
        client.Fetch(origin.url("/large"), std::chrono::steady_clock::now() + milliseconds(1500),
                     nullptr),
        [&](const std::exception_ptr&, FetchResult result) { got.push_back(std::move(result)); });
  }
  // Longer than the deadline of a fetch: the one that waits must not run into it.
  loop.run_for(milliseconds(2000));
  ASSERT_EQ(got.size(), 3U);
  for (const FetchResult& result : got) EXPECT_EQ(result->body.size(), body.size());
  EXPECT_LE(budget->held(), (1300 << 10) + (600 << 10));
  got.clear();
  loop.run_for(milliseconds(2000));
  ASSERT_EQ(got.size(), 1U);
  ASSERT_TRUE(got[0]) << got[0].error().message;
  got.clear();
  EXPECT_EQ(budget->held(), 0);
}

TEST(BadHttpConnection, ClosedWhileIdleIsReplacedSilently) {
  // Answers once a connection, promises to keep it, and closes it.
  const BadOrigin origin({{"/", [](Peer& peer) {
                             return peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
                                    false;
                           }}});
  asio::io_context loop;
  HttpClient client(loop, Open(), {});
  for (int i = 0; i < 20; ++i) {
    const auto got = testing::RunOn(
        loop, client.Fetch(origin.url("/"), std::chrono::steady_clock::now() + milliseconds(5000),
                           nullptr));
    ASSERT_TRUE(got) << got.error().message;
  }
  EXPECT_EQ(origin.requests(), 20);
}

TEST(BadHttpConnection, SecondRequestClosedUnansweredIsSentOnceMore) {
  const BadOrigin origin({{"/", [](Peer& peer) {
                             if (peer.number() > 1) return false;
                             return peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                           }}});
  asio::io_context loop;
  HttpClient client(loop, Open(), {});
  int asked = 0;
  const std::function<asio::awaitable<Status>()> ask = [&]() -> asio::awaitable<Status> {
    ++asked;
    co_return Status();
  };
  for (int i = 0; i < 3; ++i) {
    const auto got = testing::RunOn(
        loop,
        client.Fetch(origin.url("/"), std::chrono::steady_clock::now() + milliseconds(5000), ask));
    ASSERT_TRUE(got) << got.error().message;
  }
  EXPECT_EQ(origin.connections(), 3);
  EXPECT_EQ(origin.requests(), 5);
  EXPECT_EQ(asked, 5) << "what the origin sees more than once takes a token each time";
}

TEST(BadHttpConnection, BytesSentWhileIdleAreNeverTheNextValue) {
  const BadOrigin origin({{"/", [](Peer& peer) {
                             peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood");
                             if (peer.number() > 1) return true;
                             std::this_thread::sleep_for(milliseconds(50));
                             return peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
                           }}});
  asio::io_context loop;
  HttpClient client(loop, Open(), {});
  for (int i = 0; i < 3; ++i) {
    const auto got = testing::RunOn(
        loop, client.Fetch(origin.url("/"), std::chrono::steady_clock::now() + milliseconds(5000),
                           nullptr));
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->body, "good");
    asio::steady_timer pause(loop, milliseconds(200));
    pause.async_wait([](std::error_code) {});
    loop.restart();
    loop.run_for(milliseconds(250));
  }
}

TEST(BadHttpConnection, CancelAbortsWhatIsInFlight) {
  const BadOrigin origin(Misbehaviour());
  asio::io_context loop;
  HttpClient client(loop, Open(), {});
  asio::steady_timer timer(loop, milliseconds(100));
  timer.async_wait([&](std::error_code) { client.Cancel(); });
  const auto start = std::chrono::steady_clock::now();
  const auto got = testing::RunOn(
      loop, client.Fetch(origin.url("/stall"), start + std::chrono::seconds(30), nullptr));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().reason, "Cancelled");
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(3000));
}

TEST(BadHttpRequest, HeadersThatCannotBeSentAreNotSent) {
  const BadOrigin origin(Misbehaviour());
  asio::io_context loop;
  HttpClient client(loop, Open(), {.headers = {{"X-Key", "hunter2\r\nEvil: yes"}}});
  const auto got = testing::RunOn(
      loop, client.Fetch(origin.url("/close"),
                         std::chrono::steady_clock::now() + milliseconds(5000), nullptr));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().reason, "InvalidRequest");
  EXPECT_EQ(got.error().message.find("hunter2"), std::string::npos);
  EXPECT_EQ(origin.requests(), 0);
}

}  // namespace
}  // namespace stoker::warming
