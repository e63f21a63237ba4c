#include "controller/warming/origin/origin_chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/loop_runner.h"

namespace stoker::warming {
namespace {

using ::testing::HasSubstr;

// Answers as it is told, and counts.
struct Told {
  std::optional<FetchError> error;
  int asked = 0;
};

class ToldOrigin final : public Origin {
 public:
  explicit ToldOrigin(Told& told) : told_(told) {}
  asio::awaitable<FetchResult> Fetch(Question& question, const Leave& leave) override {
    static_cast<void>(leave);
    ++told_.asked;
    if (told_.error) co_return tl::make_unexpected(*told_.error);
    co_return Fetched{std::string(question.values.front()), "", 0};
  }
  void Cancel() override {}

 private:
  Told& told_;
};

FetchError NotFoundThere() {
  FetchError error{"HTTP404", "answered 404", false, false, {}};
  error.not_found = true;
  return error;
}
FetchError Down() { return {"ConnectionRefused", "refused the connection", true, true, {}}; }
FetchError Busy() { return {"HTTP503", "answered 503", true, false, {}}; }
FetchError Forbidden() { return {"HTTP403", "answered 403", false, false, {}}; }
FetchError NotTrusted() { return {"TLSNotTrusted", "not trusted", false, true, {}}; }

struct Two {
  Two() {
    std::vector<std::unique_ptr<Origin>> origins;
    origins.push_back(std::make_unique<ToldOrigin>(first));
    origins.push_back(std::make_unique<ToldOrigin>(second));
    chain = std::make_unique<OriginChain>(std::move(origins), 3, clock);
  }
  FetchResult Fetch(int tries = 0) {
    Question question{{"k"}, {}, tries};
    return testing::RunOn(loop, chain->Fetch(question, nullptr));
  }
  asio::io_context loop;
  FakeClock clock{WallTime{}};
  Told first, second;
  std::unique_ptr<OriginChain> chain;
};

TEST(OriginChain, AsksTheFirstAloneWhileItAnswers) {
  Two two;
  EXPECT_EQ(two.Fetch()->body, "k");
  EXPECT_EQ(two.second.asked, 0);
}

TEST(OriginChain, AsksTheNextByWhatTheFirstSays) {
  const struct {
    FetchError error;
    int tries;
    bool asks_next;
  } cases[] = {{NotFoundThere(), 0, true}, {Down(), 0, true}, {Busy(), 0, false},
               {Busy(), 2, false},         {Busy(), 3, true}, {Forbidden(), 3, false},
               {NotTrusted(), 3, false}};
  for (const auto& c : cases) {
    Two two;
    two.first.error = c.error;
    const auto got = two.Fetch(c.tries);
    EXPECT_EQ(got.has_value(), c.asks_next) << c.error.reason << " after " << c.tries;
    EXPECT_EQ(two.second.asked, c.asks_next ? 1 : 0);
    if (!got) EXPECT_EQ(got.error().reason, c.error.reason);
    // A failure that somebody must mend is told again, not passed over in silence.
    EXPECT_EQ(two.Fetch(c.tries).has_value(), c.asks_next) << c.error.reason;
  }
}

TEST(OriginChain, LeavesOutWhatCannotBeReachedAndLooksForItNowAndThen) {
  Two two;
  two.first.error = Down();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(two.Fetch());
  EXPECT_EQ(two.first.asked, 1);
  two.clock.Advance(Millis(1'001));
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(two.Fetch());
  EXPECT_EQ(two.first.asked, 2);
  two.clock.Advance(Millis(1'001));  // it waits longer now
  EXPECT_TRUE(two.Fetch());
  EXPECT_EQ(two.first.asked, 2);
  two.clock.Advance(Millis(1'001));
  two.first.error.reset();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(two.Fetch());
  EXPECT_EQ(two.first.asked, 7);
  EXPECT_EQ(two.second.asked, 5 + 5 + 1);
}

TEST(OriginChain, TellsTheFailureThatMayStillPass) {
  const struct {
    FetchError first, second;
    std::string reason;
    bool connection, not_found;
  } cases[] = {{NotFoundThere(), NotFoundThere(), "HTTP404", false, true},
               {Down(), NotFoundThere(), "ConnectionRefused", false, false},
               {NotFoundThere(), Down(), "ConnectionRefused", false, false},
               {Down(), Down(), "ConnectionRefused", true, false},
               {NotFoundThere(), Forbidden(), "HTTP403", false, false}};
  for (const auto& c : cases) {
    Two two;
    two.first.error = c.first;
    two.second.error = c.second;
    const auto got = two.Fetch(3);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().reason, c.reason);
    EXPECT_EQ(got.error().connection, c.connection);
    EXPECT_EQ(got.error().not_found, c.not_found);
  }
}

}  // namespace
}  // namespace stoker::warming
