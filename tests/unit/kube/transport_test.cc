// What cpprestsdk does to those who trust it, each with the rule that our transport keeps instead.
#include "controller/kube/transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <set>
#include <thread>

#include "controller/kube/config.h"
#include "controller/kube/cpprest_transport.h"
#include "tests/support/fake_api_server.h"
#include "tests/support/process.h"

namespace stoker::kube {
namespace {

using stoker::testing::FakeApiServer;
using stoker::testing::WaitFor;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Clk = std::chrono::steady_clock;
using Connection = FakeApiServer::Connection;
using Request = FakeApiServer::Request;

constexpr auto kAll = [](std::string_view) { return true; };

std::shared_ptr<Transport> Make(const FakeApiServer& server, CpprestOptions options = {}) {
  options.server = server.url();
  if (!options.credentials) options.credentials = MakeCredentials({});
  auto made = MakeCpprestTransport(std::move(options));
  if (!made) throw std::runtime_error(made.error().message);
  return *made;
}

HttpRequest Get(Millis timeout = Millis(5'000)) {
  HttpRequest request;
  request.path = "/api/v1/things?watch=true";
  request.timeout = timeout;
  return request;
}

TEST(TransportTest, ReturnsStatusHeadersAndBody) {
  FakeApiServer server(
      [](const Request&, Connection& c) { c.Reply(404, "gone", {{"X-Odd", "1"}}); });
  const auto response = Make(server)->Do(Get(), {});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 404);
  EXPECT_EQ(response->body, "gone");
  EXPECT_EQ(response->headers.at("x-odd"), "1");
  EXPECT_EQ(server.requests()[0].path, "/api/v1/things?watch=true");
}

TEST(TransportTest, AWatchEventArrivesBeforeTheServerSaysMore) {
  std::atomic<bool> seen{false};
  FakeApiServer server([&](const Request&, Connection& c) {
    c.BeginChunks();
    c.Chunk("{\"n\":1}\n");
    EXPECT_TRUE(WaitFor([&] { return seen.load() || c.stopping(); }));
    c.EndChunks();
  });
  const auto response = Make(server)->Stream(
      Get(), [&](std::string_view line) { return seen = line == "{\"n\":1}", true; }, {});
  EXPECT_TRUE(response);
  EXPECT_TRUE(seen);
}

TEST(TransportTest, LinesAreCutAtNewlinesNotAtChunks) {
  FakeApiServer server([](const Request&, Connection& c) {
    c.BeginChunks();
    for (const char* chunk : {"on", "e\r\ntw", "o\n\nthree\nfo", "ur\n"}) c.Chunk(chunk);
    c.EndChunks();
  });
  std::vector<std::string> lines;
  const auto response = Make(server)->Stream(
      Get(), [&](std::string_view line) { return lines.emplace_back(line), true; }, {});
  ASSERT_TRUE(response);
  EXPECT_THAT(lines, ElementsAre("one", "two", "three", "four"));
}

TEST(TransportTest, ASlowReaderHoldsTheServerBack) {
  std::atomic<std::size_t> sent{0};
  FakeApiServer server([&](const Request&, Connection& c) {
    c.BeginChunks();
    const std::string line = std::string(65'535, 'x') + "\n";
    while (sent < (std::size_t{256} << 20) && c.Chunk(line)) sent += line.size();
  });
  std::size_t last = 0;
  const auto response =
      Make(server)->Stream(Get(),
                           [&](std::string_view) {
                             // The reader does nothing until the server could send no more for a
                             // while.
                             WaitFor([&] { return std::exchange(last, sent.load()) == sent; },
                                     std::chrono::seconds(10), std::chrono::milliseconds(300));
                             return false;
                           },
                           {});
  EXPECT_TRUE(response);
  EXPECT_LT(sent, std::size_t{48} << 20);  // socket buffers, and at most a few MiB of ours
}

TEST(TransportTest, AnErrorBodyIsNotTakenForEvents) {
  FakeApiServer server([](const Request&, Connection& c) { c.Reply(410, "{\"code\":410}\n"); });
  bool called = false;
  const auto response =
      Make(server)->Stream(Get(), [&](std::string_view) { return called = true; }, {});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 410);
  EXPECT_EQ(response->body, "{\"code\":410}\n");
  EXPECT_FALSE(called);
}

TEST(TransportTest, TheDeadlineIsForTheWholeNotForAStep) {
  FakeApiServer server([](const Request&, Connection& c) {
    c.BeginChunks();
    while (c.Chunk("x") && !c.WaitForPeerToClose(Millis(30))) {
    }
  });
  const auto began = Clk::now();
  const auto response = Make(server)->Do(Get(Millis(300)), {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::kTimeout);
  EXPECT_LT(Clk::now() - began, Millis(2'000));
}

TEST(TransportTest, SilenceIsATimeoutAndACutIsNot) {
  for (const bool cut : {false, true}) {
    FakeApiServer server([&](const Request&, Connection& c) {
      c.BeginChunks();
      c.Chunk("one\n");
      if (cut) return c.Reset();
      c.WaitForPeerToClose();
    });
    const auto response = Make(server)->Stream(Get(Millis(300)), kAll, {});
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, cut ? Code::kUnavailable : Code::kTimeout);
  }
}

TEST(TransportTest, AWatchThatTricklesOutlivesItsTimeoutWhichIsForSilence) {
  constexpr int kLines = 10;
  FakeApiServer server([](const Request&, Connection& c) {
    c.BeginChunks();
    for (int i = 0; i < kLines && !c.WaitForPeerToClose(std::chrono::milliseconds(150)); ++i) {
      c.Chunk("{}\n");
    }
    c.EndChunks();
  });
  int lines = 0;
  const auto began = Clk::now();
  const auto response =
      Make(server)->Stream(Get(Millis(1'000)), [&](std::string_view) { return ++lines, true; }, {});
  EXPECT_TRUE(response) << response.error().message;
  EXPECT_EQ(lines, kLines);
  EXPECT_GT(Clk::now() - began, Millis(1'000)) << "the watch was too short to show anything";
}

// Handlers of six informers ask the server at the same moment: more than the library has threads.
TEST(TransportTest, ReadersOfStreamsMayAskTheServerHoweverManyTheyAre) {
  constexpr int kStreams = 6;
  FakeApiServer server([](const Request& r, Connection& c) {
    if (r.path == "/api/v1/thing") {
      c.Reply(200, "{}");
      return;
    }
    c.BeginChunks();
    c.Chunk("{}\n");
    (void)c.WaitForPeerToClose();
  });
  const auto transport = Make(server);
  std::atomic<int> reading{0}, answered{0};
  const auto began = Clk::now();
  {
    std::vector<std::jthread> informers;
    for (int i = 0; i < kStreams; ++i) {
      informers.emplace_back([&] {
        const auto on_line = [&](std::string_view) {
          ++reading;
          EXPECT_TRUE(WaitFor([&] { return reading == kStreams; }));
          HttpRequest get = Get();
          get.path = "/api/v1/thing";
          if (transport->Do(get, {})) ++answered;
          return false;
        };
        EXPECT_TRUE(transport->Stream(Get(Millis(20'000)), on_line, {}));
      });
    }
  }
  EXPECT_EQ(answered, kStreams);
  EXPECT_LT(Clk::now() - began, std::chrono::seconds(5)) << "they waited for each other";
}

TEST(TransportTest, ABodyShorterThanPromisedIsAnError) {
  FakeApiServer server([](const Request&, Connection& c) {
    c.Send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort");
    c.Close();
  });
  const auto response = Make(server)->Do(Get(), {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::kUnavailable);
}

TEST(TransportTest, StopClosesTheSocketAtOnce) {
  std::atomic<bool> closed{false};
  FakeApiServer server([&](const Request&, Connection& c) {
    c.BeginChunks();
    c.Chunk("one\n");
    closed = c.WaitForPeerToClose();
  });
  std::stop_source stop;
  const auto response = Make(server)->Stream(
      Get(), [&](std::string_view) { return stop.request_stop(), true; }, stop.get_token());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::kCancelled);
  EXPECT_TRUE(WaitFor([&] { return closed.load(); }, Millis(1'000)));
}

TEST(TransportTest, LinesAndBodiesAreCapped) {
  FakeApiServer server(
      [](const Request&, Connection& c) { c.Reply(200, std::string(10'000, 'x')); });
  CpprestOptions options;
  options.max_line = options.max_body = 1'000;
  const auto transport = Make(server, std::move(options));
  EXPECT_EQ(transport->Do(Get(), {}).error().code, Code::kExhausted);
  EXPECT_EQ(transport->Stream(Get(), kAll, {}).error().code, Code::kExhausted);
}

TEST(TransportTest, NeverMoreExchangesThanAllowed) {
  std::mutex mutex;
  int now = 0, most = 0;
  FakeApiServer server([&](const Request&, Connection& c) {
    {
      const std::lock_guard lock(mutex);
      most = std::max(most, ++now);
    }
    c.WaitForPeerToClose(Millis(50));
    {
      const std::lock_guard lock(mutex);
      --now;
    }
    c.Reply(200, "{}");
  });
  CpprestOptions options;
  options.max_exchanges = 2;
  const auto transport = Make(server, std::move(options));
  std::vector<std::jthread> callers;
  for (int i = 0; i < 6; ++i) callers.emplace_back([&] { EXPECT_TRUE(transport->Do(Get(), {})); });
  callers.clear();
  EXPECT_EQ(server.requests().size(), 6u);
  const std::lock_guard lock(mutex);
  EXPECT_LE(most, 2);  // connections may be more: when one is back in the pool is the library's
}

TEST(TransportTest, AnExchangeLeftBehindHarmsNobody) {
  FakeApiServer server([](const Request&, Connection& c) { c.WaitForPeerToClose(); });
  for (int i = 0; i < 5; ++i) {
    // The transport itself goes away while the library still unwinds the exchange.
    EXPECT_EQ(Make(server)->Do(Get(Millis(20)), {}).error().code, Code::kTimeout);
  }
}

TEST(TransportTest, ARefusedConnectionIsSaidSo) {
  CpprestOptions options;
  options.server = "http://127.0.0.1:" + std::to_string(stoker::testing::FreePort());
  options.credentials = MakeCredentials({});
  const auto response = (*MakeCpprestTransport(std::move(options)))->Do(Get(), {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::kUnavailable);
  EXPECT_THAT(response.error().message, HasSubstr("refused"));
}

TEST(TransportTest, ACreateThatMeetsADeadPooledConnectionArrivesAgain) {
  std::mutex mutex;
  std::set<const Connection*> used;
  std::atomic<int> dropped{0};
  FakeApiServer server([&](const Request& r, Connection& c) {
    const std::lock_guard lock(mutex);
    if (!used.insert(&c).second && r.method == "POST") {
      ++dropped;
      used.erase(&c);  // the next connection may lie at the same address
      return c.Close();
    }
    c.Reply(200, "{}");
  });
  const auto transport = Make(server);
  HttpRequest create = Get();
  create.method = "POST";
  create.body = "{\"a\":1}";
  // Whether a connection is back in the pool already is the library's business: try until one was.
  for (int i = 0; i < 100 && dropped == 0; ++i) {
    ASSERT_TRUE(transport->Do(Get(), {}));
    ASSERT_TRUE(transport->Do(create, {}));
  }
  ASSERT_GT(dropped, 0);
  const auto requests = server.requests();
  EXPECT_EQ(requests[requests.size() - 2].body, requests.back().body)
      << "why creates need deterministic names";
}

TEST(TransportTest, TheFenceIsAskedWhenAWriteGoesOutNotWhenItBeginsToWait) {
  std::atomic<bool> leads{true};
  std::atomic<bool> held{false};
  std::atomic<int> asked{0};
  FakeApiServer server([&](const Request&, Connection& c) {
    held = true;
    EXPECT_TRUE(WaitFor([&] { return !leads || c.stopping(); }));
    c.Reply(200, "{}");
  });
  CpprestOptions options;
  options.max_exchanges = 1;
  const auto transport = Make(server, std::move(options));
  std::jthread slow([&] { EXPECT_TRUE(transport->Do(Get(), {})); });
  ASSERT_TRUE(WaitFor([&] { return held.load(); }));
  HttpRequest write = Get();
  write.method = "POST";
  write.may_send = [&] { return ++asked, leads.load(); };
  {
    const std::jthread writer([&] {
      const auto written = transport->Do(write, {});
      ASSERT_FALSE(written);
      EXPECT_EQ(written.error().code, Code::kCancelled);
    });
    EXPECT_FALSE(WaitFor([&] { return asked > 0; }, std::chrono::milliseconds(100)));
    leads = false;
  }
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST(TransportTest, RedirectsAreNotFollowed) {
  FakeApiServer thief([](const Request&, Connection& c) { c.Reply(200, "{}"); });
  FakeApiServer server(
      [&](const Request&, Connection& c) { c.Reply(302, "", {{"Location", thief.url() + "/"}}); });
  CpprestOptions options;
  Config config;
  config.token = "sesame";
  options.credentials = MakeCredentials(config);
  const auto response = Make(server, std::move(options))->Do(Get(), {});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 302);
  EXPECT_TRUE(thief.requests().empty());
}

TEST(TransportTest, ATokenFileIsReadAgainAfterA401) {
  const stoker::testing::TempDir dir;
  Config config;
  config.token_file = dir.File("token", "old\n");
  FakeApiServer server([](const Request& r, Connection& c) {
    c.Reply(r.headers.at("authorization") == "Bearer new" ? 200 : 401, "{}");
  });
  CpprestOptions options;
  options.credentials = MakeCredentials(config);
  const auto transport = Make(server, std::move(options));
  EXPECT_EQ(transport->Do(Get(), {})->status, 401);
  EXPECT_EQ(server.requests().size(), 1u) << "the same token is not tried twice";
  (void)dir.File("token", "new\n");
  EXPECT_EQ(transport->Do(Get(), {})->status, 200);
}

TEST(TransportTest, ThePoolHasFourThreads) {
  FakeApiServer server([](const Request&, Connection& c) { c.Reply(200, "{}"); });
  EXPECT_TRUE(Make(server)->Do(Get(), {}));
  const auto threads = std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                                     std::filesystem::directory_iterator());
  EXPECT_LE(threads, 12);  // ours, the pool's 4, and the fake server's; not 40
}

TEST(TransportTest, AServerThatCannotBeDialledIsRefusedAtOnce) {
  for (const char* server : {"https://[::1]:6443", "ftp://host", "", "https://"}) {
    CpprestOptions options;
    options.server = server;
    options.credentials = MakeCredentials({});
    const auto made = MakeCpprestTransport(std::move(options));
    ASSERT_FALSE(made) << server;
    EXPECT_EQ(made.error().code, Code::kInvalid);
  }
}

}  // namespace
}  // namespace stoker::kube
