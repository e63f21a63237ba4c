// Links that carry a large value slower than a reply may take, and peers that only pretend to.
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <thread>

#include "controller/warming/target/memcached_target.h"
#include "controller/warming/target/redis_target.h"
#include "controller/warming/target/resp.h"
#include "tests/integration/warming/target_client.h"
#include "tests/support/scripted_server.h"

namespace stoker::warming {
namespace {

using std::chrono::milliseconds;
using stoker::testing::RunOn;
using stoker::testing::ScriptedServer;
using testing::TargetClient;

constexpr std::size_t kPiece = 256 << 10;
constexpr std::size_t kLargeValue = 96 * kPiece;  // far more than the kernel buffers

auto RedisAt(const ScriptedServer& server, milliseconds reply_timeout) {
  return [address = server.address(), reply_timeout](asio::io_context& loop) {
    RedisOptions options;
    options.endpoint = *ParseHostPort(address);
    options.reply_timeout = Millis(reply_timeout);
    return MakeRedisTarget(loop, testing::AnyAddress(), std::move(options));
  };
}

// Answers the question of the handshake.
bool Greet(ScriptedServer::Peer& peer) {
  std::string hello;
  return peer.Receive(hello) && peer.Send(":0\r\n");
}

struct Timed {
  explicit Timed(milliseconds* to) : took(to) {}
  ~Timed() {
    *took = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
  }
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;
  const SteadyTime start = std::chrono::steady_clock::now();
  milliseconds* const took;
};

TEST(SlowLink, AWriteMayTakeLongerThanAReplyAsLongAsItGoesOn) {
  SendBuffer command;
  RespWriter(command).Set("k", std::string(kLargeValue, 'v'), 0, false);
  const ScriptedServer server([size = command.size()](ScriptedServer::Peer& peer) {
    if (!Greet(peer)) return;
    std::string in;
    for (std::size_t taken = 0, piece = kPiece; taken < size; taken += in.size()) {
      in.clear();
      if (!peer.Receive(in)) return;
      if (taken < piece) continue;
      piece += kPiece;
      std::this_thread::sleep_for(milliseconds(30));  // 8.5 MB/s: 2.9 s for all
    }
    peer.Send("+OK\r\n");
    peer.Stall();
  });
  TargetClient client(RedisAt(server, milliseconds(1'500)));
  milliseconds took{0};
  {
    const Timed timed(&took);
    const auto put = client.Put("k", std::string(kLargeValue, 'v'));
    EXPECT_EQ(put, WriteOutcome::kWritten) << put.error().message;
  }
  EXPECT_GT(took, milliseconds(1'500)) << "too fast to show anything";
}

TEST(SlowLink, AReplyMayTakeLongerThanItsDeadlineAsLongAsItComes) {
  const ScriptedServer server([](ScriptedServer::Peer& peer) {
    std::string question;
    if (!Greet(peer) || !peer.Receive(question)) return;
    if (!peer.Send("$" + std::to_string(32 * kPiece) + "\r\n")) return;
    for (int i = 0; i < 32; ++i) {
      if (!peer.Send(std::string(kPiece, 'v'))) return;
      std::this_thread::sleep_for(milliseconds(40));
    }
    peer.Send("\r\n:-1\r\n");
    peer.Stall();
  });
  TargetClient client(RedisAt(server, milliseconds(500)));
  milliseconds took{0};
  {
    const Timed timed(&took);
    const auto held = client.Read({"k"});
    ASSERT_TRUE(held) << held.error().message;
    EXPECT_EQ((*held)[0].value->size(), 32 * kPiece);
  }
  EXPECT_GT(took, milliseconds(500)) << "too fast to show anything";
}

TEST(SlowLink, APeerThatTricklesAReplyIsGivenUp) {
  const ScriptedServer server([](ScriptedServer::Peer& peer) {
    std::string question;
    if (!Greet(peer) || !peer.Receive(question) || !peer.Send("$1000000\r\n")) return;
    while (peer.Send("v")) std::this_thread::sleep_for(milliseconds(10));
  });
  TargetClient client(RedisAt(server, milliseconds(300)));
  milliseconds took{0};
  {
    const Timed timed(&took);
    const auto held = client.Read({"k"});
    ASSERT_FALSE(held);
    EXPECT_EQ(held.error().reason, "TargetTimeout");
  }
  EXPECT_LT(took, milliseconds(3'000));
}

TEST(SlowLink, APeerThatTakesTheValueByDropsIsGivenUp) {
  const ScriptedServer server([](ScriptedServer::Peer& peer) {
    if (!Greet(peer)) return;
    std::string in;
    while (peer.Receive(in)) std::this_thread::sleep_for(milliseconds(50));  // 80 KB/s
  });
  TargetClient client(RedisAt(server, milliseconds(300)));
  milliseconds took{0};
  {
    const Timed timed(&took);
    const auto put = client.Put("k", std::string(kLargeValue, 'v'));
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().reason, "TargetTimeout");
  }
  EXPECT_LT(took, milliseconds(5'000));
}

// A refusal may come before all that is refused has gone out.
TEST(SlowLink, APeerThatAnswersTooEarlyAndReadsNoMoreIsGivenUp) {
  auto over = std::make_unique<std::promise<void>>();
  const ScriptedServer server([done = over->get_future().share()](ScriptedServer::Peer& peer) {
    std::string in;
    if (Greet(peer) && peer.Receive(in) && peer.Send("+OK\r\n")) done.wait();
  });
  const auto ends_before_the_server = std::move(over);
  TargetClient client(RedisAt(server, milliseconds(300)));
  EXPECT_EQ(client.Put("k", std::string(kLargeValue, 'v')), WriteOutcome::kWritten);
  milliseconds took{0};
  {
    const Timed timed(&took);
    const auto put = client.Put("next", "v");
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().reason, "TargetTimeout");
  }
  EXPECT_LT(took, milliseconds(3'000));
}

// Each line of the statistics is whole, and their end never comes.
TEST(SlowLink, AServerThatTricklesItsStatisticsIsGivenUp) {
  const ScriptedServer server([](ScriptedServer::Peer& peer) {
    std::string in;
    if (!peer.Receive(in) || !peer.Send("MN\r\n") || !peer.Receive(in)) return;
    while (peer.Send("STAT x 1\r\n")) std::this_thread::sleep_for(milliseconds(10));
  });
  TargetClient client([&](asio::io_context& loop) {
    MemcachedOptions options;
    options.servers.push_back({server.address(), *ParseHostPort(server.address())});
    options.reply_timeout = Millis(300);
    return MakeMemcachedTarget(loop, testing::AnyAddress(), options);
  });
  milliseconds took{0};
  {
    const Timed timed(&took);
    const auto measured = RunOn(client.loop, client.target->Measure(testing::Soon()));
    ASSERT_FALSE(measured);
    EXPECT_EQ(measured.error().reason, "TargetTimeout");
  }
  EXPECT_LT(took, milliseconds(3'000));
}

}  // namespace
}  // namespace stoker::warming
