#pragma once

// Tells people what happened, as Kubernetes events (events.k8s.io/v1), without flooding.
//
// The same (object, type, reason, message) within ten minutes becomes one Event with a series
// count. At most a bucket of 25 and one every 5 s per object goes out; the rest is dropped and
// counted. Sending happens on the recorder's own thread and never fails the caller.
//
// Events are writes: with a fenced Client none goes out once its fence is down, and what was queued
// then is dropped, for it may be untrue by the time that we lead again.
//
// Thread safety: Record() and DropQueued() from any thread. Shutdown: Stop() sends what is queued for at most two
// seconds.

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "controller/base/clock.h"
#include "controller/kube/client.h"

namespace stoker::kube {

enum class EventType { kNormal, kWarning };

class EventRecorder {
 public:
  EventRecorder(Client& client, const std::string& instance, const Clock& clock = SystemClock());
  virtual ~EventRecorder();

  // `regarding` is the whole object or at least apiVersion, kind and metadata{name,namespace,uid}.
  virtual void Record(const nlohmann::json& regarding, EventType type, std::string_view reason,
                      std::string_view action, std::string_view message);
  // The term in which they were recorded is over.
  void DropQueued();
  void Stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stoker::kube
