#include <gtest/gtest.h>

#include "controller/warming/target/redis_target.h"
#include "tests/support/loop_runner.h"
#include "tests/support/process.h"
#include "tests/support/scripted_server.h"

namespace stoker::warming {
namespace {

using std::chrono::milliseconds;
using testing::ScriptedServer;
using WriteResult = tl::expected<WriteOutcome, TargetError>;

// What a server answers to each command, by its name. An answer of "stall" or "close" does that.
using Answers = std::map<std::string, std::string>;

// Takes the first whole command off `in` and returns its name, or nothing. Arguments have no line
// ends here.
std::string TakeCommand(std::string& in) {
  if (in.empty()) return {};
  const int parts = std::atoi(in.c_str() + 1);
  std::size_t at = in.find("\r\n");
  std::string name;
  for (int line = 0; line < 2 * parts; ++line) {
    if (at == std::string::npos) return {};
    const std::size_t from = at + 2;
    at = in.find("\r\n", from);
    if (at == std::string::npos) return {};
    if (line == 1) name = in.substr(from, at - from);
  }
  in.erase(0, at + 2);
  return name;
}

ScriptedServer::Script Answering(Answers answers) {
  return [answers = std::move(answers)](ScriptedServer::Peer& peer) {
    std::string in;
    while (peer.Receive(in)) {
      for (std::string name = TakeCommand(in); !name.empty(); name = TakeCommand(in)) {
        const std::string answer = answers.contains(name) ? answers.at(name) : "+OK\r\n";
        if (answer == "close") return;
        const auto stall = answer.find("stall");
        if (!peer.Send(answer.substr(0, stall))) return;
        if (stall != std::string::npos) return peer.Stall();
      }
    }
  };
}

SteadyTime In(milliseconds wait) { return std::chrono::steady_clock::now() + wait; }

std::unique_ptr<Target> Make(asio::io_context& loop, const ScriptedServer& server,
                             RedisOptions options = {}) {
  options.endpoint = *ParseHostPort(server.address());
  options.reply_timeout = Millis(300);
  const auto guard = std::make_shared<const EgressGuard>(*EgressGuard::Make(false, {}, {}));
  return MakeRedisTarget(loop, guard, std::move(options));
}

WriteResult Put(asio::io_context& loop, Target& target, bool if_absent = false) {
  std::optional<WriteResult> outcome;
  target.Write("k", "v", Millis(0), if_absent, [&](WriteResult got) { outcome = std::move(got); });
  loop.restart();
  for (const auto until = In(milliseconds(5'000));
       !outcome && std::chrono::steady_clock::now() < until;) {
    loop.run_one_for(milliseconds(20));
  }
  return outcome ? *outcome : tl::make_unexpected(TargetError{"NoAnswer", "", false, false});
}

struct Case {
  const char* name;
  Answers answers;
  const char* reason;
  bool retryable;
};

TEST(BadRedis, OpeningSaysWhatIsInTheWay) {
  for (const Case& c : std::vector<Case>{
           {"another protocol",
            {{"EXISTS", "HTTP/1.1 400 Bad Request\r\n\r\n"}},
            "TargetRejected",
            false},
           {"an array", {{"EXISTS", "*1\r\n:1\r\n"}}, "TargetRejected", false},
           {"loading",
            {{"EXISTS", "-LOADING Redis is loading the dataset in memory\r\n"}},
            "TargetLoading",
            true},
           {"half a reply", {{"EXISTS", ":stall"}}, "TargetTimeout", true},
           {"closes", {{"EXISTS", "close"}}, "TargetUnavailable", true},
           {"odd refusal", {{"AUTH", "-ERR who is hunter2?\r\n"}}, "TargetAuth", false},
           {"a TLS alert", {{"AUTH", "\x15\x03\x01"}}, "TargetTLSMismatch", false},
       }) {
    const ScriptedServer server(Answering(c.answers));
    asio::io_context loop;
    const auto target = Make(loop, server, {.password = "hunter2"});
    const auto opened = testing::RunOn(loop, target->Open(In(milliseconds(5'000))));
    ASSERT_FALSE(opened) << c.name;
    EXPECT_EQ(opened.error().reason, c.reason) << c.name << ": " << opened.error().message;
    EXPECT_EQ(opened.error().retryable, c.retryable) << c.name;
    EXPECT_TRUE(opened.error().whole_target) << c.name;
    EXPECT_EQ(opened.error().message.find("hunter2"), std::string::npos) << opened.error().message;
  }
}

TEST(BadRedis, WritesEndWithTheirReason) {
  for (const Case& c : std::vector<Case>{
           {"an integer", {{"SET", ":1\r\n"}}, "TargetRejected", false},
           {"nil without NX", {{"SET", "$-1\r\n"}}, "TargetRejected", false},
           {"half a reply", {{"SET", "+Ostall"}}, "TargetTimeout", true},
           {"silence", {{"SET", "stall"}}, "TargetTimeout", true},
           {"closes", {{"SET", "close"}}, "TargetUnavailable", true},
           {"loading",
            {{"SET", "-LOADING Redis is loading the dataset in memory\r\n"}},
            "TargetLoading",
            true},
       }) {
    Answers answers = c.answers;
    answers["EXISTS"] = ":0\r\n";
    const ScriptedServer server(Answering(answers));
    asio::io_context loop;
    const auto target = Make(loop, server);
    const WriteResult got = Put(loop, *target);
    ASSERT_FALSE(got) << c.name;
    EXPECT_EQ(got.error().reason, c.reason) << c.name << ": " << got.error().message;
    EXPECT_EQ(got.error().retryable, c.retryable) << c.name;
  }
}

TEST(BadRedis, ReplyNobodyAskedForEndsTheConnection) {
  const ScriptedServer server(Answering({{"EXISTS", ":0\r\n"}, {"SET", "+OK\r\n+OK\r\n"}}));
  asio::io_context loop;
  const auto target = Make(loop, server);
  EXPECT_TRUE(Put(loop, *target));
  EXPECT_TRUE(Put(loop, *target)) << "over a new connection, whose replies are in step again";
  EXPECT_EQ(server.connections(), 2);
}

TEST(BadRedis, PromisedValueThatDoesNotComeCostsTheDeadline) {
  const ScriptedServer server(Answering({{"EXISTS", ":0\r\n"}, {"GET", "$536870911\r\nabcstall"}}));
  asio::io_context loop;
  const auto target = Make(loop, server);
  const auto start = std::chrono::steady_clock::now();
  const auto held = testing::RunOn(loop, target->Read({"k"}, In(milliseconds(5'000))));
  ASSERT_FALSE(held);
  EXPECT_EQ(held.error().reason, "TargetTimeout");
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(3'000));
}

// Zero, or nothing, would say that there are no bounds.
TEST(BadRedis, AServerThatDoesNotTellItsMemoryIsNotTakenForOneWithoutBounds) {
  for (const char* info : {"$-1\r\n", "$0\r\n\r\n", "$15\r\nused_memory:5\r\n\r\n"}) {
    const ScriptedServer server(Answering({{"EXISTS", ":0\r\n"}, {"INFO", info}}));
    asio::io_context loop;
    const auto target = Make(loop, server);
    const auto measured = testing::RunOn(loop, target->Measure(In(milliseconds(5'000))));
    ASSERT_FALSE(measured) << info;
    EXPECT_EQ(measured.error().reason, "TargetRejected");
    EXPECT_TRUE(measured.error().standing());
    EXPECT_NE(measured.error().message.find("leave spec.targets[].capacity out"), std::string::npos)
        << measured.error().message;
  }
}

TEST(BadRedis, NodesThatAreNotKnownYetAreNoNodesWithoutBounds) {
  const ScriptedServer server(
      Answering({{"CLUSTER", "-LOADING Redis is loading the dataset in memory\r\n"},
                 {"SENTINEL", "-LOADING Redis is loading the dataset in memory\r\n"}}));
  const auto guard = std::make_shared<const EgressGuard>(*EgressGuard::Make(false, {}, {}));
  RedisOptions options;
  options.endpoint = *ParseHostPort(server.address());
  asio::io_context loop;
  for (const auto& target : {MakeRedisClusterTarget(loop, guard, options),
                             MakeRedisSentinelTarget(loop, guard, options, "shop")}) {
    for (const bool opened : {false, true}) {
      if (opened) {
        EXPECT_FALSE(testing::RunOn(loop, target->Open(In(milliseconds(5'000)))));
      }
      const auto measured = testing::RunOn(loop, target->Measure(In(milliseconds(100))));
      ASSERT_FALSE(measured) << "opened: " << opened;
      EXPECT_EQ(measured.error().reason, "TargetUnavailable");
      EXPECT_TRUE(measured.error().retryable);
      EXPECT_TRUE(measured.error().whole_target);
      EXPECT_NE(measured.error().message.find(server.address()), std::string::npos);
    }
  }
}

TEST(BadRedis, IsNotDialledInAHotLoop) {
  const ScriptedServer server([](ScriptedServer::Peer&) {});
  asio::io_context loop;
  const auto target = Make(loop, server);
  const auto until = In(milliseconds(600));
  int refused = 0;
  while (std::chrono::steady_clock::now() < until) refused += Put(loop, *target) ? 0 : 1;
  EXPECT_GE(refused, 2);
  EXPECT_LE(server.connections(), 6) << "50, 100, 200, 400 ms lie between them";
}

TEST(BadRedis, GoesAwayWhileItIsDialled) {
  const ScriptedServer server(Answering({{"EXISTS", "stall"}}));
  asio::io_context loop;
  auto target = Make(loop, server);
  std::optional<tl::expected<void, TargetError>> opened;
  asio::co_spawn(loop, target->Open(In(milliseconds(5'000))),
                 [&](const std::exception_ptr&, tl::expected<void, TargetError> got) {
                   opened = std::move(got);
                 });
  loop.run_for(milliseconds(50));
  target.reset();
  const auto start = std::chrono::steady_clock::now();
  loop.restart();
  loop.run();
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->error().reason, "Cancelled");
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(200))
      << "nothing of it stays on the loop";
}

}  // namespace
}  // namespace stoker::warming
