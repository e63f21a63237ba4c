#include "controller/warming/origin/batched_origin.h"

#include <algorithm>
#include <asio/post.hpp>
#include <string>
#include <utility>

namespace stoker::warming {

asio::awaitable<FetchResult> BatchedOrigin::Fetch(Question& question, const Leave& leave) {
  question.address.clear();
  key_.Render(question.values, question.address);
  if (leave) {
    Status allowed = co_await leave();
    if (!allowed) {
      co_return tl::make_unexpected(
          FetchError{"Cancelled", std::move(allowed.error().message), false, false, {}});
    }
  }
  AskedEntry asked(loop_, question.address);
  waiting_.push_back(&asked);
  if (std::exchange(led_, true)) co_await asked.turn.Wait(SteadyTime::max());
  if (!asked.answer) co_await Lead();
  co_return std::move(*asked.answer);
}

// The entry that leads is the first of those that wait.
asio::awaitable<void> BatchedOrigin::Lead() {
  co_await asio::post(loop_, asio::use_awaitable);  // whoever is ready joins
  const std::size_t size =
      std::min(waiting_.size(), std::max<std::size_t>(asker_->MostAtOnce(), 1));
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(size);
  std::vector<AskedEntry*> batch(waiting_.begin(), end);
  waiting_.erase(waiting_.begin(), end);
  batch.front()->leads = true;
  co_await asker_->Ask(batch);
  led_ = !waiting_.empty();
  if (led_) waiting_.front()->turn.Finish();
}

void AnswerAll(std::vector<AskedEntry*>& batch, const FetchError& error) {
  for (AskedEntry*& asked : batch) {
    if (asked != nullptr) std::exchange(asked, nullptr)->Answer(tl::make_unexpected(error));
  }
}

asio::awaitable<void> ClaimRoom(asio::io_context& loop, ByteBudget::Hold& hold, std::size_t bytes,
                                const bool& given_up) {
  constexpr Millis kLookAgain{10};
  Waiter waiter(loop);
  while (!given_up && !hold.Grow(static_cast<std::int64_t>(bytes))) {
    co_await waiter.Wait(std::chrono::steady_clock::now() + kLookAgain);
  }
}

FetchError NotThere(std::string_view where) {
  FetchError error{"NotFound", std::string(where) + " has no such entry", false, false, {}};
  error.not_found = true;
  return error;
}

}  // namespace stoker::warming
