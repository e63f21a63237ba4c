#include "controller/warming/origin/origin_chain.h"

#include <algorithm>
#include <utility>

namespace stoker::warming {
namespace {

constexpr Millis kFirstPause{1'000};
constexpr Millis kLongestPause{10'000};

bool MayPass(const FetchError& error) { return error.retryable || error.connection; }

// What is told of two origins that do not have the entry.
void Add(std::optional<FetchError>& told, const FetchError& error) {
  if (!told) {
    told = error;
    return;
  }
  const bool nobody_answers = told->connection && error.connection;
  if (!MayPass(*told) && MayPass(error)) told = error;
  told->connection = nobody_answers;
  told->not_found = told->not_found && error.not_found;
}

}  // namespace

OriginChain::OriginChain(std::vector<std::unique_ptr<Origin>> origins, int retry_limit,
                         const Clock& clock)
    : retry_limit_(retry_limit), clock_(clock) {
  for (auto& origin : origins) links_.push_back({std::move(origin), Millis(0), {}, std::nullopt});
}

// Who comes when the time is up sees for all the others whether it is back.
bool OriginChain::LeftOut(Link& link) const {
  if (link.pause.count() == 0) return false;
  const SteadyTime now = clock_.Steady();
  if (now < link.left_out_until) return true;
  link.pause = std::min(2 * link.pause, kLongestPause);
  link.left_out_until = now + link.pause;
  return false;
}

void OriginChain::Note(Link& link, const FetchError& error) const {
  if (!error.connection || !error.retryable) {  // else somebody must mend it, and hear of it
    link.pause = Millis(0);
    return;
  }
  link.error = error;
  if (link.pause.count() > 0) return;
  link.pause = kFirstPause;
  link.left_out_until = clock_.Steady() + kFirstPause;
}

bool OriginChain::AsksNext(const FetchError& error, int tries) const {
  if (error.not_found) return true;
  return error.retryable && (error.connection || tries >= retry_limit_);
}

asio::awaitable<FetchResult> OriginChain::Fetch(Question& question, const Leave& leave) {
  std::optional<FetchError> told;
  for (Link& link : links_) {
    const bool last = &link == &links_.back();
    if (!last && LeftOut(link)) {
      Add(told, *link.error);
      continue;
    }
    FetchResult fetched = co_await link.origin->Fetch(question, leave);
    if (fetched) {
      link.pause = Millis(0);
      co_return fetched;
    }
    if (fetched.error().reason == "Cancelled") co_return fetched;
    Note(link, fetched.error());
    if (!AsksNext(fetched.error(), question.tries)) co_return fetched;
    Add(told, fetched.error());
  }
  co_return tl::make_unexpected(std::move(*told));
}

void OriginChain::Cancel() {
  for (const Link& link : links_) link.origin->Cancel();
}

}  // namespace stoker::warming
