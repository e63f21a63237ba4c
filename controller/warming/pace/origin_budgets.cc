#include "controller/warming/pace/origin_budgets.h"

#include <algorithm>
#include <utility>

namespace stoker::warming {

std::unique_ptr<OriginBudgets::Member> OriginBudgets::Join(const std::string& origin, Terms terms,
                                                           const Clock& clock) {
  const std::lock_guard lock(mutex_);
  std::erase_if(accounts_, [](const auto& account) { return account.second.expired(); });
  auto account = accounts_[origin].lock();
  if (!account) accounts_[origin] = account = std::make_shared<Account>();
  const std::uint64_t id = next_++;
  {
    const std::lock_guard account_lock(account->mutex);
    account->members[id] = terms;
    account->Agree(clock.Steady());
  }
  return std::make_unique<Member>(std::move(account), id, clock);
}

// The bucket starts empty, so that who comes and goes brings no burst.
void OriginBudgets::Account::Agree(SteadyTime now) {
  bucket.reset();
  most = 0;
  if (members.size() < 2) return;
  Terms strictest = members.begin()->second;
  for (const auto& [id, terms] : members) {
    strictest.per_second = std::min(strictest.per_second, terms.per_second);
    strictest.burst = std::min(strictest.burst, terms.burst);
    strictest.in_flight = std::min(strictest.in_flight, terms.in_flight);
  }
  bucket.emplace(strictest.per_second, strictest.burst, now);
  most = strictest.in_flight;
}

OriginBudgets::Member::~Member() {
  const std::lock_guard lock(account_->mutex);
  account_->in_flight.fetch_sub(out_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  account_->members.erase(id_);
  account_->Agree(clock_.Steady());
}

bool OriginBudgets::Member::TakePlace() {
  out_.fetch_add(1, std::memory_order_relaxed);
  const int out = account_->in_flight.fetch_add(1, std::memory_order_relaxed);
  const int most = account_->most.load(std::memory_order_relaxed);
  if (most == 0 || out < most) return true;
  GivePlace();
  return false;
}

void OriginBudgets::Member::GivePlace() {
  account_->in_flight.fetch_sub(1, std::memory_order_relaxed);
  out_.fetch_sub(1, std::memory_order_relaxed);
}

std::optional<SteadyTime> OriginBudgets::Member::TakeToken(SteadyTime now) {
  if (account_->most.load(std::memory_order_relaxed) == 0) return std::nullopt;
  const std::lock_guard lock(account_->mutex);
  return account_->bucket ? account_->bucket->Take(now) : std::nullopt;
}

}  // namespace stoker::warming
