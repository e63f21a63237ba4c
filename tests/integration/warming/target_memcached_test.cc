#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/warming/target/memcached_target.h"
#include "tests/integration/warming/run_bench.h"
#include "tests/integration/warming/target_client.h"
#include "tests/support/memcached_server.h"
#include "tests/support/nginx_server.h"
#include "tests/support/redis_server.h"
#include "tests/support/scripted_server.h"

namespace stoker::warming {
namespace {

using stoker::testing::MemcachedServer;
using ::testing::HasSubstr;
using testing::TargetClient;

MemcachedOptions OptionsFor(const std::vector<std::string>& addresses) {
  MemcachedOptions options;
  for (const std::string& address : addresses) {
    options.servers.push_back({address, *ParseHostPort(address)});
  }
  return options;
}

auto Memcached(std::vector<std::string> addresses) {
  return [addresses = std::move(addresses)](asio::io_context& loop) {
    return MakeMemcachedTarget(loop, testing::AnyAddress(), OptionsFor(addresses));
  };
}

TEST(MemcachedTarget, WritesProbesAndReads) {
  const MemcachedServer server;
  TargetClient client(Memcached({server.address()}));
  ASSERT_TRUE(client.Open());
  EXPECT_EQ(client.Put("a", "1", Millis(90'500), true), WriteOutcome::kWritten);
  EXPECT_EQ(client.Put("a", "2", Millis(0), true), WriteOutcome::kPresent);
  EXPECT_EQ(client.Put("b", std::string("x\r\ny\0z", 6)), WriteOutcome::kWritten);
  EXPECT_EQ(client.Put("empty", ""), WriteOutcome::kWritten);
  EXPECT_EQ(server.Get("a"), "1");
  const auto probed = client.Probe({"a", "none", "b"});
  ASSERT_TRUE(probed) << probed.error().message;
  EXPECT_EQ(*probed, (std::vector<bool>{true, false, true}));
  const auto held = client.Read({"a", "none", "b", "empty"});
  ASSERT_TRUE(held) << held.error().message;
  EXPECT_EQ((*held)[0].value, "1");
  ASSERT_TRUE((*held)[0].ttl);
  EXPECT_GT(*(*held)[0].ttl, Millis(80'000));
  EXPECT_LE(*(*held)[0].ttl, Millis(91'000));
  EXPECT_FALSE((*held)[1].present);
  EXPECT_FALSE((*held)[2].ttl);
  EXPECT_EQ((*held)[2].value, std::string("x\r\ny\0z", 6));
  EXPECT_EQ((*held)[3].value, "");
}

TEST(MemcachedTarget, SaysWhatLivesLongEnough) {
  const MemcachedServer server;
  TargetClient client(Memcached({server.address()}));
  ASSERT_TRUE(client.Put("short", "v", Millis(30'000)));
  ASSERT_TRUE(client.Put("long", "v", Millis(300'000)));
  ASSERT_TRUE(client.Put("forever", "v"));
  const auto probed = client.Probe({"short", "long", "forever", "none"}, Millis(60'000));
  ASSERT_TRUE(probed);
  EXPECT_EQ(*probed, (std::vector<bool>{false, true, true, false}));
}

TEST(MemcachedTarget, KeepsATtlOfMoreThanThirtyDays) {
  const MemcachedServer server;
  TargetClient client(Memcached({server.address()}));
  ASSERT_TRUE(client.Put("k", "v", std::chrono::hours(24 * 40)));
  const auto held = client.Read({"k"});
  ASSERT_TRUE(held);
  ASSERT_TRUE((*held)[0].present);
  EXPECT_GT(*(*held)[0].ttl, std::chrono::hours(24 * 39));
}

TEST(MemcachedTarget, KeysThatTheProtocolCannotCarryFailAlone) {
  const MemcachedServer server;
  TargetClient client(Memcached({server.address()}));
  const auto too_long = client.Put(std::string(251, 'k'), "v");
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().reason, "KeyTooLong");
  EXPECT_FALSE(too_long.error().whole_target);
  EXPECT_EQ(client.Put(std::string(250, 'k'), "v"), WriteOutcome::kWritten);
  EXPECT_EQ(client.Put("a b\n", "spaced", Millis(0), true), WriteOutcome::kWritten);
  EXPECT_EQ(server.Ask("mg YSBiCg== b v\r\nmn", "MN"), "VA 6\r\nspaced\r\n");
  const auto probed = client.Probe({"a b\n", std::string(251, 'k'), "a"});
  ASSERT_TRUE(probed);
  EXPECT_EQ(*probed, (std::vector<bool>{true, false, false}));
}

TEST(MemcachedTarget, AValueTooLargeFailsAloneAndTheNextOneIsStored) {
  const MemcachedServer server;  // takes items up to 1 MiB
  TargetClient client(Memcached({server.address()}));
  const auto large = client.Put("large", std::string(2 << 20, 'L'));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().reason, "ValueTooLarge");
  EXPECT_FALSE(large.error().retryable);
  EXPECT_FALSE(large.error().whole_target);
  EXPECT_THAT(large.error().message, HasSubstr("-I"));
  const std::string fits((1 << 20) - 512, 'F');
  EXPECT_EQ(client.Put("fits", fits), WriteOutcome::kWritten);
  const auto held = client.Read({"fits", "large"});
  ASSERT_TRUE(held);
  EXPECT_EQ((*held)[0].value, fits);
  EXPECT_FALSE((*held)[1].present);
}

TEST(MemcachedTarget, SpreadsKeysAsTheApplicationsClientsDo) {
  const MemcachedServer servers[3];
  TargetClient client(
      Memcached({servers[0].address(), servers[1].address(), servers[2].address()}));
  ASSERT_TRUE(client.Open());
  std::vector<std::string> keys;
  for (int i = 0; i < 300; ++i) keys.push_back("key:" + std::to_string(i));
  int written = 0;
  for (const std::string& key : keys) {
    client.target->Write(key, key, Millis(0), true,
                         [&](const testing::WriteResult& got) { written += got ? 1 : 0; });
  }
  client.RunUntil([&] { return written == 300; });
  ASSERT_EQ(written, 300);
  const auto held = client.Read({keys.begin(), keys.end()});
  ASSERT_TRUE(held);
  for (int i = 0; i < 300; ++i) EXPECT_EQ((*held)[i].value, keys[i]);
  int items = 0;
  for (const MemcachedServer& server : servers) {
    EXPECT_GT(std::stoi(server.Stat("curr_items")), 40);
    items += std::stoi(server.Stat("curr_items"));
  }
  EXPECT_EQ(items, 300);
}

TEST(MemcachedTarget, AServerThatComesBackIsWrittenToAgain) {
  MemcachedServer server;
  TargetClient client(Memcached({server.address()}));
  ASSERT_TRUE(client.Put("a", "1"));
  server.Kill();
  const auto lost = client.Put("a", "2");
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().reason, "TargetUnavailable");
  EXPECT_TRUE(lost.error().retryable);
  server.Start();
  testing::WriteResult again = tl::make_unexpected(TargetError{});
  for (int tries = 0; tries < 50 && !again; ++tries) again = client.Put("a", "3");
  ASSERT_TRUE(again);
  EXPECT_EQ(server.Get("a"), "3");
}

TEST(MemcachedTarget, AServerThatDoesNotTellItsMemoryIsNotTakenForOneWithoutBounds) {
  const stoker::testing::ScriptedServer server([](stoker::testing::ScriptedServer::Peer& peer) {
    std::string in;
    if (peer.Receive(in) && peer.Send("MN\r\n") && peer.Receive(in)) {
      peer.Send("STAT bytes 5\r\nSTAT evictions 0\r\nEND\r\n");
      peer.Stall();
    }
  });
  TargetClient client(Memcached({server.address()}));
  const auto measured =
      stoker::testing::RunOn(client.loop, client.target->Measure(testing::Soon()));
  ASSERT_FALSE(measured);
  EXPECT_EQ(measured.error().reason, "TargetRejected");
  EXPECT_TRUE(measured.error().standing());
  EXPECT_THAT(measured.error().message, HasSubstr("limit_maxbytes"));
}

TEST(MemcachedTarget, SaysWhenItIsNoMemcached) {
  const stoker::testing::RedisServer redis;
  const auto opened = TargetClient(Memcached({redis.address()})).Open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().reason, "TargetRejected");
  EXPECT_THAT(opened.error().message, HasSubstr("memcached"));
}

// The whole way: from nginx into two servers, one value too large for them.
TEST(MemcachedRun, WarmsSkipsAndCountsExactly) {
  const MemcachedServer first_server;
  const MemcachedServer second_server;
  stoker::testing::NginxServer nginx(
      "location /item/ { return 200 \"value of $uri\"; }\n"
      "location = /item/7 { try_files /large =500; }");
  nginx.Put("large", std::string(2 << 20, 'L'));
  RunSpec spec = testing::ItemRun(500, nginx.url("/item/{id}"), "unused:1");
  spec.policy.targets[0].redis.reset();
  spec.policy.targets[0].memcached =
      api::MemcachedTarget{{first_server.address(), second_server.address()}};
  spec.policy.verification_sample_percent = 20;
  const auto run = [&]() -> Report {
    auto made = Run::Create(spec, std::make_shared<testing::SomeSecrets>(), {});
    if (!made) {
      ADD_FAILURE() << made.error().message;
      return {};
    }
    (*made)->Start();
    return (*made)->Wait();
  };
  const Report first = run();
  EXPECT_EQ(first.reason, "Warmed") << first.message;
  EXPECT_EQ(first.progress.tally.warmed, 499);
  EXPECT_EQ(first.progress.tally.failed, 1);
  ASSERT_EQ(first.progress.failures.size(), 1U);
  EXPECT_EQ(first.progress.failures[0].reason, "ValueTooLarge");
  EXPECT_EQ(first.progress.failures[0].sample_key, "item:7");
  EXPECT_GT(first.progress.tally.verified, 50);
  EXPECT_EQ(first.progress.tally.verify_failed, 0);
  const Report second = run();
  EXPECT_EQ(second.progress.tally.skipped, 499);
  EXPECT_EQ(second.progress.tally.origin_requests, 1);
  const int items =
      std::stoi(first_server.Stat("curr_items")) + std::stoi(second_server.Stat("curr_items"));
  EXPECT_EQ(items, 499);
}

}  // namespace
}  // namespace stoker::warming
