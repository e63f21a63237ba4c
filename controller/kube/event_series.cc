#include "controller/kube/event_series.h"

#include <algorithm>

namespace stoker::kube {
namespace {

constexpr std::chrono::minutes kSeriesWindow(10);
constexpr double kBurst = 25;
constexpr double kSecondsPerToken = 5;

}  // namespace

bool EventSeries::TakeToken(const std::string& object, SteadyTime now) {
  if (buckets_.size() >= max_remembered_ && !buckets_.contains(object)) {
    // A bucket that is full again says nothing; when none is, forget all rather than grow.
    const auto full = [now](const auto& entry) {
      return now - entry.second.filled >
             std::chrono::seconds(static_cast<int>(kBurst * kSecondsPerToken));
    };
    if (std::erase_if(buckets_, full) == 0) buckets_.clear();
  }
  auto [it, fresh] = buckets_.try_emplace(object, Bucket{kBurst, now});
  Bucket& bucket = it->second;
  const double seconds = std::chrono::duration<double>(now - bucket.filled).count();
  bucket.tokens = std::min(kBurst, bucket.tokens + seconds / kSecondsPerToken);
  bucket.filled = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

EventDecision EventSeries::Decide(const std::string& object, const std::string& key,
                                  SteadyTime now) {
  if (series_.size() >= max_remembered_ && !series_.contains(key)) {
    const auto old = [now](const auto& entry) { return now - entry.second.last > kSeriesWindow; };
    if (std::erase_if(series_, old) == 0) series_.clear();
  }
  Series& series = series_[key];
  if (series.count > 0 && now - series.last > kSeriesWindow) series = {};
  ++series.count;
  series.last = now;
  if (!TakeToken(object, now)) {
    ++dropped_;
    return {EventDecision::Action::kDrop, {}, series.count};
  }
  if (series.name.empty()) {
    series.count = 1;
    return {EventDecision::Action::kCreate, {}, 1};
  }
  return {EventDecision::Action::kUpdateSeries, series.name, series.count};
}

void EventSeries::Created(const std::string& key, const std::string& name) {
  if (const auto it = series_.find(key); it != series_.end()) it->second.name = name;
}

void EventSeries::Forget(const std::string& key) { series_.erase(key); }

}  // namespace stoker::kube
