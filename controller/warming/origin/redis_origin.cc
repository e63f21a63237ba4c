#include "controller/warming/origin/redis_origin.h"

#include <algorithm>
#include <utility>

namespace stoker::warming {
namespace {

constexpr std::size_t kMostKeys = 256;
constexpr std::size_t kAnswerBytes = 4 << 20;

FetchError FromTarget(const TargetError& error) {
  // "TargetTimeout" is said of an origin here.
  std::string reason = error.reason;
  if (reason.starts_with("Target")) reason = "Origin" + reason.substr(6);
  return {std::move(reason), error.message, error.retryable, error.whole_target, {}};
}

class RedisAsker final : public BatchAsker {
 public:
  RedisAsker(asio::io_context& loop, std::unique_ptr<Target> redis, std::string where,
             Millis timeout, std::size_t max_value, std::shared_ptr<ByteBudget> budget)
      : loop_(loop),
        redis_(std::move(redis)),
        where_(std::move(where)),
        timeout_(timeout),
        max_value_(max_value),
        budget_(std::move(budget)) {}

  asio::awaitable<void> Ask(std::vector<AskedEntry*>& batch) override {
    std::vector<std::string_view> keys;
    keys.reserve(batch.size());
    for (const AskedEntry* asked : batch) keys.push_back(asked->key);
    auto held = co_await redis_->Read(keys, std::chrono::steady_clock::now() + timeout_);
    if (!held) {
      AnswerAll(batch, FromTarget(held.error()));
      co_return;
    }
    std::size_t bytes = 0;
    for (std::size_t i = batch.size(); i-- > 0;) {  // the one that leads comes last
      Held& one = (*held)[i];
      ByteBudget::Hold hold(budget_);
      if (one.value) {
        bytes += one.value->size();
        co_await ClaimRoom(loop_, hold, one.value->size(), cancelled_);
      }
      std::exchange(batch[i], nullptr)->Answer(ToResult(std::move(one), std::move(hold)));
    }
    largest_ = std::max(bytes / keys.size() + 1, largest_ - largest_ / 8);  // forgotten slowly
  }
  [[nodiscard]] std::size_t MostAtOnce() const override {
    return std::clamp<std::size_t>(kAnswerBytes / (largest_ + 1), 1, kMostKeys);
  }
  void Cancel() override {
    cancelled_ = true;
    redis_->Cancel();
  }

 private:
  [[nodiscard]] FetchResult ToResult(Held held, ByteBudget::Hold hold) const {
    if (!held.present) return tl::make_unexpected(NotThere(where_));
    if (!held.value) {
      return tl::make_unexpected(
          FetchError{"NotAString",
                     where_ + " holds a list, a set, a hash or the like under this key",
                     false,
                     false,
                     {}});
    }
    if (held.value->size() > max_value_) {
      return tl::make_unexpected(FetchError{"ValueTooLarge",
                                            where_ + " holds more than maxValueSize under this key",
                                            false,
                                            false,
                                            {}});
    }
    Fetched fetched;
    fetched.wire_bytes = held.value->size();
    fetched.body = std::move(*held.value);
    fetched.hold = std::move(hold);
    fetched.ttl = held.ttl;
    return fetched;
  }

  asio::io_context& loop_;
  const std::unique_ptr<Target> redis_;
  const std::string where_;
  const Millis timeout_;
  const std::size_t max_value_;
  const std::shared_ptr<ByteBudget> budget_;
  std::size_t largest_ = 64 << 10;  // of values, on average of a batch; a careful guess at first
  bool cancelled_ = false;
};

}  // namespace

std::unique_ptr<BatchAsker> MakeRedisAsker(asio::io_context& loop, std::unique_ptr<Target> redis,
                                           std::string where, Millis timeout, std::size_t max_value,
                                           std::shared_ptr<ByteBudget> budget) {
  return std::make_unique<RedisAsker>(loop, std::move(redis), std::move(where), timeout, max_value,
                                      std::move(budget));
}

}  // namespace stoker::warming
