#include "controller/warming/origin/redis_origin.h"

#include <deque>
#include <utility>

namespace stoker::warming {
namespace {

constexpr std::size_t kMostKeys = 256;
constexpr std::size_t kAnswerBytes = 4 << 20;

FetchError OfCache(const TargetError& error) {
  // "TargetTimeout" is said of an origin here.
  std::string reason = error.reason;
  if (reason.starts_with("Target")) reason = "Origin" + reason.substr(6);
  return {std::move(reason), error.message, error.retryable, error.whole_target, {}};
}

class RedisAsker final : public BatchAsker {
 public:
  RedisAsker(asio::io_context& loop, std::unique_ptr<RedisReader> redis, std::string where,
             Millis timeout, std::size_t max_value, std::shared_ptr<ByteBudget> budget)
      : loop_(loop),
        redis_(std::move(redis)),
        where_(std::move(where)),
        timeout_(timeout),
        max_value_(max_value),
        budget_(std::move(budget)) {}

  asio::awaitable<void> Ask(std::vector<AskedEntry*>& batch) override {
    if (const auto opened = co_await Open(); !opened) {
      AnswerAll(batch, OfCache(opened.error()));
      co_return;
    }
    std::deque<Sized> sized = co_await Measure(batch);
    while (!sized.empty()) co_await Get(co_await TakePiece(sized));
  }
  [[nodiscard]] std::size_t MostAtOnce() const override { return kMostKeys; }
  void Cancel() override {
    cancelled_ = true;
    redis_->Cancel();
  }

 private:
  struct Sized {
    AskedEntry* asked = nullptr;
    std::size_t bytes = 0;
    ByteBudget::Hold hold;
  };

  [[nodiscard]] SteadyTime Deadline() const { return std::chrono::steady_clock::now() + timeout_; }

  // Where one of several nodes is down, the others serve their keys.
  asio::awaitable<tl::expected<void, TargetError>> Open() {
    if (opened_) co_return tl::expected<void, TargetError>();
    auto opened = co_await redis_->Open(Deadline());
    opened_ = opened || opened.error().node_down;
    if (opened_) co_return tl::expected<void, TargetError>();
    co_return opened;
  }

  // What is worth asking for; the one that leads comes last. The others are answered.
  asio::awaitable<std::deque<Sized>> Measure(std::vector<AskedEntry*>& batch) {
    std::vector<std::string_view> keys;
    keys.reserve(batch.size());
    for (const AskedEntry* asked : batch) keys.push_back(asked->key);
    const auto lengths = co_await redis_->Lengths(std::move(keys), Deadline());
    std::deque<Sized> sized;
    for (std::size_t i = batch.size(); i-- > 0;) {
      AskedEntry* const asked = std::exchange(batch[i], nullptr);
      if (!lengths[i]) {
        asked->Answer(tl::make_unexpected(OfCache(lengths[i].error())));
      } else if (*lengths[i] > max_value_) {
        asked->Answer(TooLarge());
      } else {
        sized.push_back({asked, *lengths[i], ByteBudget::Hold(budget_)});
      }
    }
    co_return sized;
  }

  // Waits for room for the first only: who waits while it holds room may wait for ever.
  asio::awaitable<std::vector<Sized>> TakePiece(std::deque<Sized>& sized) {
    std::vector<Sized> piece;
    co_await ClaimRoom(loop_, sized.front().hold, sized.front().bytes, cancelled_);
    std::size_t bytes = 0;
    do {
      bytes += sized.front().bytes;
      piece.push_back(std::move(sized.front()));
      sized.pop_front();
    } while (!sized.empty() && bytes + sized.front().bytes <= kAnswerBytes &&
             sized.front().hold.Grow(static_cast<std::int64_t>(sized.front().bytes)));
    co_return piece;
  }

  asio::awaitable<void> Get(std::vector<Sized> piece) {
    std::vector<std::string_view> keys;
    keys.reserve(piece.size());
    for (const Sized& one : piece) keys.push_back(one.asked->key);
    auto values = co_await redis_->Values(std::move(keys), Deadline());
    for (std::size_t i = 0; i < piece.size(); ++i) {
      if (values[i]) {
        piece[i].asked->Answer(ToResult(std::move(*values[i]), std::move(piece[i].hold)));
      } else {
        piece[i].asked->Answer(tl::make_unexpected(OfCache(values[i].error())));
      }
    }
  }

  [[nodiscard]] FetchResult TooLarge() const {
    return tl::make_unexpected(FetchError{"ValueTooLarge",
                                          where_ + " holds more than maxValueSize under this key",
                                          false,
                                          false,
                                          {}});
  }

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
    if (held.value->size() > max_value_) return TooLarge();  // it has grown since
    Fetched fetched;
    fetched.wire_bytes = held.value->size();
    fetched.body = std::move(*held.value);
    fetched.hold = std::move(hold);
    fetched.ttl = held.ttl;
    return fetched;
  }

  asio::io_context& loop_;
  const std::unique_ptr<RedisReader> redis_;
  const std::string where_;
  const Millis timeout_;
  const std::size_t max_value_;
  const std::shared_ptr<ByteBudget> budget_;
  bool opened_ = false;
  bool cancelled_ = false;
};

}  // namespace

std::unique_ptr<BatchAsker> MakeRedisAsker(asio::io_context& loop,
                                           std::unique_ptr<RedisReader> redis, std::string where,
                                           Millis timeout, std::size_t max_value,
                                           std::shared_ptr<ByteBudget> budget) {
  return std::make_unique<RedisAsker>(loop, std::move(redis), std::move(where), timeout, max_value,
                                      std::move(budget));
}

}  // namespace stoker::warming
