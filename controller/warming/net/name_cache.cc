#include "controller/warming/net/name_cache.h"

#include <utility>

namespace stoker::warming {
namespace {

using Reason = ConnectError::Reason;

constexpr std::chrono::seconds kAnswerLives{5};
constexpr std::size_t kMaxAnswers = 256;

SteadyTime Now() { return std::chrono::steady_clock::now(); }

}  // namespace

asio::awaitable<Lookup::Addresses> NameCache::Resolve(std::shared_ptr<NameCache> self,
                                                      std::string host, Waiter& waiter,
                                                      SteadyTime deadline) {
  std::error_code ec;
  const asio::ip::address literal = asio::ip::make_address(host, ec);
  if (!ec) co_return std::vector{literal};
  if (const auto found = self->answers_.find(host);
      found != self->answers_.end() && Now() < found->second.until) {
    co_return found->second.addresses;
  }
  const std::shared_ptr<Question> question = self->Ask(host);
  if (!question->answer) {
    question->waiting.insert(&waiter);
    co_await waiter.Wait(deadline);
    question->waiting.erase(&waiter);
  }
  if (waiter.cancelled() || !question->answer) {
    const auto asked = self->questions_.find(host);
    const bool last = question->waiting.empty();
    if (last && asked != self->questions_.end() && asked->second == question)
      self->questions_.erase(asked);
  }
  if (waiter.cancelled()) {
    co_return tl::make_unexpected(
        ConnectError(Reason::kCancelled, Code::kCancelled, host + ": cancelled"));
  }
  if (!question->answer) {
    co_return tl::make_unexpected(ConnectError(Reason::kTimeout, Code::kTimeout,
                                               host + ": the name servers did not answer in time"));
  }
  co_return *question->answer;
}

std::shared_ptr<NameCache::Question> NameCache::Ask(const std::string& host) {
  if (const auto asked = questions_.find(host); asked != questions_.end()) return asked->second;
  auto question = std::make_shared<Question>(loop_, options_);
  questions_.emplace(host, question);
  question->lookup.Start(host, [this, host, raw = question.get()](Lookup::Addresses answer) {
    Answered(host, *raw, std::move(answer));
  });
  return question;
}

void NameCache::Answered(const std::string& host, Question& question, Lookup::Addresses answer) {
  if (answer) {
    if (answers_.size() >= kMaxAnswers) answers_.clear();
    answers_[host] = {*answer, Now() + kAnswerLives};
  }
  question.answer = std::move(answer);
  for (Waiter* waiter : question.waiting) waiter->Finish();
  questions_.erase(host);
}

}  // namespace stoker::warming
