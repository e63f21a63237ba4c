#pragma once

// Decides which events are worth sending: repeats become a series, floods are cut.
//
// The same event within ten minutes of its last occurrence only counts up; each object has a bucket
// of 25 events that refills by one every 5 s. Pure, with the time passed in; what is remembered is
// capped.
//
// Thread safety: one thread.

#include <cstdint>
#include <string>
#include <unordered_map>

#include "controller/base/clock.h"

namespace stoker::kube {

struct EventDecision {
  enum class Action { kDrop, kCreate, kUpdateSeries };
  Action action = Action::kDrop;
  std::string name;  // kUpdateSeries: of the Event that was created
  int count = 1;     // of occurrences, this one included
};

class EventSeries {
 public:
  explicit EventSeries(std::size_t max_remembered = 4096) : max_remembered_(max_remembered) {}

  // `object` is the regarding object's UID (or name), `key` all that makes two events the same.
  EventDecision Decide(const std::string& object, const std::string& key, SteadyTime now);
  // The Event for `key` exists under this name.
  void Created(const std::string& key, const std::string& name);
  // The Event for `key` is gone (events expire): the next one is created afresh.
  void Forget(const std::string& key);
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  struct Series {
    std::string name;
    int count = 0;
    SteadyTime last{};
  };
  struct Bucket {
    double tokens = 0;
    SteadyTime filled{};
  };

  bool TakeToken(const std::string& object, SteadyTime now);

  const std::size_t max_remembered_;
  std::unordered_map<std::string, Series> series_;
  std::unordered_map<std::string, Bucket> buckets_;
  std::uint64_t dropped_ = 0;
};

}  // namespace stoker::kube
