#include <gtest/gtest.h>

#include "controller/warming/target/memory_target.h"
#include "tests/support/loop_runner.h"

namespace stoker::warming {
namespace {

SteadyTime Soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(5); }

tl::expected<WriteOutcome, TargetError> Put(asio::io_context& loop, Target& target,
                                            const std::string& key, const std::string& value,
                                            Millis ttl, bool if_absent) {
  std::optional<tl::expected<WriteOutcome, TargetError>> outcome;
  target.Write(key, value, ttl, if_absent, [&](auto got) { outcome = std::move(got); });
  EXPECT_FALSE(outcome) << "answers come on a later turn of the loop";
  loop.restart();
  loop.run();
  return *outcome;
}

TEST(MemoryTarget, WritesReadsAndKeepsWhatIsThere) {
  asio::io_context loop;
  const auto store = std::make_shared<MemoryStore>();
  const auto target = MakeMemoryTarget(loop, store);
  EXPECT_EQ(Put(loop, *target, "a", "1", Millis(60'000), true), WriteOutcome::kWritten);
  EXPECT_EQ(Put(loop, *target, "a", "2", Millis(0), true), WriteOutcome::kPresent);
  EXPECT_EQ(store->Get("a"), "1");
  EXPECT_EQ(Put(loop, *target, "a", "2", Millis(0), false), WriteOutcome::kWritten);
  EXPECT_EQ(store->Get("a"), "2");
  EXPECT_EQ(store->Size(), 1U);
  const auto probed = testing::RunOn(loop, target->Probe({"a", "b"}, Millis(0), Soon()));
  ASSERT_TRUE(probed);
  EXPECT_EQ(*probed, (std::vector<bool>{true, false}));
  const auto held = testing::RunOn(loop, target->Read({"a", "b"}, Soon()));
  ASSERT_TRUE(held);
  EXPECT_EQ((*held)[0].value, "2");
  EXPECT_FALSE((*held)[0].ttl);
  EXPECT_FALSE((*held)[1].present);
}

TEST(MemoryTarget, RefusesWhatWouldNotFit) {
  asio::io_context loop;
  const auto store = std::make_shared<MemoryStore>(400);
  const auto target = MakeMemoryTarget(loop, store);
  EXPECT_TRUE(Put(loop, *target, "a", std::string(200, 'x'), Millis(0), false));
  const auto full = Put(loop, *target, "b", std::string(200, 'x'), Millis(0), false);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().reason, "TargetOutOfMemory");
  EXPECT_TRUE(Put(loop, *target, "a", std::string(210, 'x'), Millis(0), false))
      << "a replacement frees the old value";
}

}  // namespace
}  // namespace stoker::warming
