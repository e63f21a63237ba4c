#include "controller/reconcile/waiting_line.h"

#include <algorithm>

#include "controller/reconcile/names.h"

namespace stoker::reconcile {

WaitingLine::WaitingLine(int places) : places_(places) {}

int WaitingLine::share() const { return std::max(1, places_ / 2); }

void WaitingLine::Ask(const std::string& job_key, const std::string& job_uid, SteadyTime now) {
  const auto it = std::ranges::find(line_, job_uid, &Waiter::job_uid);
  if (it == line_.end()) {
    line_.push_back({job_uid, job_key, now});
  } else {
    it->asked = now;
  }
}

void WaitingLine::Leave(const std::string& job_uid) {
  std::erase_if(line_, [&](const Waiter& waiter) { return waiter.job_uid == job_uid; });
}

bool WaitingLine::Holds(const std::string& job_uid) const {
  return std::ranges::find(line_, job_uid, &Waiter::job_uid) != line_.end();
}

std::vector<WaitingLine::Waiter> WaitingLine::Next(Busy busy, SteadyTime now) {
  std::erase_if(line_, [&](const Waiter& waiter) { return now - waiter.asked > kForgottenAfter; });
  int free = places_;
  for (const auto& [ns, runs] : busy) free -= runs;
  std::vector<Waiter> next;
  std::vector<Waiter> beyond_share;
  for (const Waiter& waiter : line_) {
    int& held = busy[SplitKey(waiter.job_key).first];
    (held < share() ? next : beyond_share).push_back(waiter);
    ++held;
  }
  next.insert(next.end(), beyond_share.begin(), beyond_share.end());
  next.resize(std::min(next.size(), static_cast<std::size_t>(std::max(0, free))));
  return next;
}

}  // namespace stoker::reconcile
