#include "controller/kube/work_queue.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace stoker::kube {
namespace {

constexpr Millis kMinBackoff(5);
constexpr Millis kMaxBackoff(1'000'000);

double Seconds(SteadyTime::duration d) { return std::chrono::duration<double>(d).count(); }

}  // namespace

struct WorkQueue::Impl {
  explicit Impl(std::string n) : name(std::move(n)) {}

  // All under mutex.
  void AddLocked(const std::string& key);
  void MoveDueLocked(SteadyTime now);

  const std::string name;
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::string> ready;
  std::unordered_map<std::string, SteadyTime> waiting;  // in `ready`, since when
  std::unordered_map<std::string, SteadyTime> working;  // handed out, since when
  std::unordered_set<std::string> again;                // added while handed out
  std::unordered_map<std::string, SteadyTime> due;      // delayed: the earliest wish wins
  std::multimap<SteadyTime, std::string> timetable;     // the same by time
  std::unordered_map<std::string, int> failures;
  WorkQueueStats stats;
  bool shut_down = false;
};

void WorkQueue::Impl::AddLocked(const std::string& key) {
  if (shut_down) return;
  if (working.contains(key)) {
    if (again.insert(key).second) ++stats.adds;
    return;
  }
  if (!waiting.try_emplace(key, SystemClock().Steady()).second) return;
  ++stats.adds;
  ready.push_back(key);
  changed.notify_one();
}

void WorkQueue::Impl::MoveDueLocked(SteadyTime now) {
  while (!timetable.empty() && timetable.begin()->first <= now) {
    const std::string key = std::move(timetable.begin()->second);
    timetable.erase(timetable.begin());
    due.erase(key);
    AddLocked(key);
  }
}

WorkQueue::WorkQueue(std::string name) : impl_(std::make_unique<Impl>(std::move(name))) {}
WorkQueue::~WorkQueue() = default;

void WorkQueue::Add(const std::string& key) {
  const std::lock_guard lock(impl_->mutex);
  impl_->AddLocked(key);
}

void WorkQueue::AddAfter(const std::string& key, Millis delay) {
  const std::lock_guard lock(impl_->mutex);
  if (delay <= Millis(0)) return impl_->AddLocked(key);
  if (impl_->shut_down) return;
  const SteadyTime at = SystemClock().Steady() + delay;
  const auto known = impl_->due.find(key);
  if (known != impl_->due.end()) {
    if (known->second <= at) return;
    const auto [begin, end] = impl_->timetable.equal_range(known->second);
    impl_->timetable.erase(
        std::find_if(begin, end, [&](const auto& e) { return e.second == key; }));
  }
  impl_->due[key] = at;
  impl_->timetable.emplace(at, key);
  impl_->changed.notify_one();
}

void WorkQueue::AddRateLimited(const std::string& key) {
  Millis delay = kMinBackoff;
  {
    const std::lock_guard lock(impl_->mutex);
    const int failures = impl_->failures[key]++;
    for (int i = 0; i < failures && delay < kMaxBackoff; ++i) delay *= 2;
    ++impl_->stats.retries;
  }
  AddAfter(key, std::min(delay, kMaxBackoff));
}

void WorkQueue::Forget(const std::string& key) {
  const std::lock_guard lock(impl_->mutex);
  impl_->failures.erase(key);
}

std::optional<std::string> WorkQueue::Get() {
  std::unique_lock lock(impl_->mutex);
  for (;;) {
    if (impl_->shut_down) return std::nullopt;
    impl_->MoveDueLocked(SystemClock().Steady());
    if (!impl_->ready.empty()) break;
    if (impl_->timetable.empty()) {
      impl_->changed.wait(lock);
    } else {
      const SteadyTime next = impl_->timetable.begin()->first;
      impl_->changed.wait_until(lock, next);
    }
  }
  std::string key = std::move(impl_->ready.front());
  impl_->ready.pop_front();
  const SteadyTime now = SystemClock().Steady();
  const auto since = impl_->waiting.extract(key).mapped();
  impl_->stats.queue_seconds_sum += Seconds(now - since);
  impl_->working.emplace(key, now);
  return key;
}

void WorkQueue::Done(const std::string& key) {
  const std::lock_guard lock(impl_->mutex);
  const auto worked = impl_->working.extract(key);
  if (worked.empty()) return;
  impl_->stats.work_seconds_sum += Seconds(SystemClock().Steady() - worked.mapped());
  ++impl_->stats.done;
  if (impl_->again.erase(key) == 0 || impl_->shut_down) return;
  impl_->waiting.emplace(key, SystemClock().Steady());
  impl_->ready.push_back(key);
  impl_->changed.notify_one();
}

void WorkQueue::ShutDown() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->shut_down = true;
    impl_->ready.clear();
    impl_->waiting.clear();
    impl_->timetable.clear();
    impl_->due.clear();
  }
  impl_->changed.notify_all();
}

WorkQueueStats WorkQueue::Stats() const {
  const std::lock_guard lock(impl_->mutex);
  WorkQueueStats stats = impl_->stats;
  stats.depth = impl_->ready.size();
  const SteadyTime now = SystemClock().Steady();
  for (const auto& [key, since] : impl_->working) {
    stats.longest_running_seconds = std::max(stats.longest_running_seconds, Seconds(now - since));
  }
  return stats;
}

const std::string& WorkQueue::name() const { return impl_->name; }

}  // namespace stoker::kube
