#include "controller/kube/events.h"

#include <fmt/format.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include "controller/base/hash.h"
#include "controller/base/log.h"
#include "controller/kube/calls.h"
#include "controller/kube/event_series.h"

namespace stoker::kube {
namespace {

constexpr char kReportingController[] = "stoker.dev/controller";
constexpr std::size_t kMaxQueued = 1000;
constexpr std::size_t kMaxNote = 1024;
constexpr std::size_t kMaxReason = 128;
constexpr std::size_t kMaxNamePrefix = 200;
constexpr Millis kSendTimeout(5'000);
constexpr Millis kDrainTimeout(2'000);

struct Occurrence {
  nlohmann::json regarding;  // an ObjectReference
  EventType type = EventType::kNormal;
  std::string reason, action, note;
  WallTime when;
};

std::string Text(const nlohmann::json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

nlohmann::json Reference(const nlohmann::json& object) {
  const auto found = object.find("metadata");
  const nlohmann::json metadata = found == object.end() ? nlohmann::json::object() : *found;
  nlohmann::json reference;
  for (const char* key : {"apiVersion", "kind"}) reference[key] = Text(object, key);
  for (const char* key : {"name", "namespace", "uid", "resourceVersion"}) {
    if (const std::string value = Text(metadata, key); !value.empty()) reference[key] = value;
  }
  return reference;
}

// At most `max` bytes, never cutting a UTF-8 character.
std::string Truncate(std::string_view text, std::size_t max) {
  if (text.size() <= max) return std::string(text);
  std::size_t end = max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end));
}

const char* TypeName(EventType type) { return type == EventType::kWarning ? "Warning" : "Normal"; }

std::string NamespaceOf(const Occurrence& event) {
  const std::string ns = Text(event.regarding, "namespace");
  return ns.empty() ? "default" : ns;  // where events of cluster-scoped objects live
}

std::string ObjectKey(const Occurrence& event) {
  return Text(event.regarding, "kind") + "/" + NamespaceOf(event) + "/" +
         Text(event.regarding, "name") + "/" + Text(event.regarding, "uid");
}

std::string SeriesKey(const Occurrence& event) {
  return ObjectKey(event) + "\n" + TypeName(event.type) + "\n" + event.reason + "\n" + event.note;
}

}  // namespace

struct EventRecorder::Impl {
  Impl(Client& cl, std::string i, const Clock& c)
      : client(cl), transport(cl.transport()), instance(std::move(i)), clock(c) {
    thread = std::jthread([this](const std::stop_token& stop) { Run(stop); });
  }

  void Run(const std::stop_token& stop);
  std::optional<Occurrence> Next(const std::stop_token& stop);
  void Send(const Occurrence& event);
  Status Create(const Occurrence& event, const std::string& name);
  Status UpdateSeries(const Occurrence& event, const EventDecision& decision);
  [[nodiscard]] std::string NameFor(const Occurrence& event, const std::string& key) const;

  Client& client;  // asked for its fence; sending needs the transport's stop token
  Transport& transport;
  const std::string instance;
  const Clock& clock;
  EventSeries series;  // of the recorder's thread alone

  std::mutex mutex;
  std::condition_variable_any changed;
  std::deque<Occurrence> queue;  // protected by mutex
  bool stopping = false;         // protected by mutex
  bool drained = false;          // protected by mutex
  std::stop_source abort;        // ends what is being sent, when the time to drain is over
  std::jthread thread;           // last: it uses all of the above
};

std::optional<Occurrence> EventRecorder::Impl::Next(const std::stop_token& stop) {
  std::unique_lock lock(mutex);
  changed.wait(lock, stop, [this] { return !queue.empty(); });
  if (queue.empty()) return std::nullopt;
  Occurrence event = std::move(queue.front());
  queue.pop_front();
  return event;
}

// After a stop it still sends what is queued, until Stop() loses patience.
void EventRecorder::Impl::Run(const std::stop_token& stop) {
  while (auto event = Next(stop)) {
    if (abort.stop_requested()) break;
    Send(*event);
  }
  const std::lock_guard lock(mutex);
  drained = true;
  changed.notify_all();
}

void EventRecorder::Impl::Send(const Occurrence& event) {
  if (!client.MayWrite()) {
    LogDebug("an event was dropped: this replica does not lead", {{"reason", event.reason}});
    return;
  }
  const std::string key = SeriesKey(event);
  const EventDecision decision = series.Decide(ObjectKey(event), key, clock.Steady());
  if (decision.action == EventDecision::Action::kDrop) return;
  Status sent;
  if (decision.action == EventDecision::Action::kUpdateSeries) {
    sent = UpdateSeries(event, decision);
    if (!sent && sent.error().code == Code::kNotFound) {
      series.Forget(key);
      return Send(event);  // it expired at the server; creates it afresh
    }
  } else {
    const std::string name = NameFor(event, key);
    sent = Create(event, name);
    // AlreadyExists: our own request, replayed on a new connection.
    if (!sent && sent.error().code == Code::kAlreadyExists) sent = {};
    if (sent) series.Created(key, name);
  }
  if (!sent)
    LogDebug("an event was not sent", {{"reason", event.reason}, {"error", sent.error().message}});
}

std::string EventRecorder::Impl::NameFor(const Occurrence& event, const std::string& key) const {
  return fmt::format("{}.{:x}{:08x}", Truncate(Text(event.regarding, "name"), kMaxNamePrefix),
                     event.when.time_since_epoch().count(), KeyHash(key) & 0xffffffffU);
}

Status EventRecorder::Impl::Create(const Occurrence& event, const std::string& name) {
  const std::string ns = NamespaceOf(event);
  const nlohmann::json object = {{"apiVersion", kEvents.ApiVersion()},
                                 {"kind", std::string(kEvents.kind)},
                                 {"metadata", {{"name", name}, {"namespace", ns}}},
                                 {"eventTime", FormatMicroTime(event.when)},
                                 {"reportingController", kReportingController},
                                 {"reportingInstance", instance},
                                 {"action", event.action},
                                 {"reason", event.reason},
                                 {"regarding", event.regarding},
                                 {"note", event.note},
                                 {"type", TypeName(event.type)}};
  HttpRequest request;
  request.method = "POST";
  request.path = kEvents.Path(ns);
  request.may_send = [this] { return client.MayWrite(); };
  request.headers["content-type"] = "application/json";
  request.body = object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  request.timeout = kSendTimeout;
  STOKER_CHECK(Call(transport, std::move(request), abort.get_token()));
  return {};
}

Status EventRecorder::Impl::UpdateSeries(const Occurrence& event, const EventDecision& decision) {
  const nlohmann::json patch = {
      {"series", {{"count", decision.count}, {"lastObservedTime", FormatMicroTime(event.when)}}}};
  HttpRequest request;
  request.method = "PATCH";
  request.path = kEvents.Path(NamespaceOf(event), decision.name);
  request.may_send = [this] { return client.MayWrite(); };
  request.headers["content-type"] = "application/merge-patch+json";
  request.body = patch.dump();
  request.timeout = kSendTimeout;
  STOKER_CHECK(Call(transport, std::move(request), abort.get_token()));
  return {};
}

EventRecorder::EventRecorder(Client& client, const std::string& instance, const Clock& clock)
    : impl_(std::make_unique<Impl>(client, Truncate(instance, kMaxReason), clock)) {}

EventRecorder::~EventRecorder() { Stop(); }

void EventRecorder::Record(const nlohmann::json& regarding, EventType type, std::string_view reason,
                           std::string_view action, std::string_view message) {
  Occurrence event{Reference(regarding),         type,
                   Truncate(reason, kMaxReason), Truncate(action, kMaxReason),
                   Truncate(message, kMaxNote),  impl_->clock.Wall()};
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->stopping || impl_->queue.size() >= kMaxQueued) return;
    impl_->queue.push_back(std::move(event));
  }
  impl_->changed.notify_one();
}

void EventRecorder::DropQueued() {
  const std::lock_guard lock(impl_->mutex);
  impl_->queue.clear();
}

void EventRecorder::Stop() {
  {
    const std::lock_guard lock(impl_->mutex);
    if (std::exchange(impl_->stopping, true)) return;
  }
  impl_->thread.request_stop();
  {
    std::unique_lock lock(impl_->mutex);
    impl_->changed.wait_for(lock, kDrainTimeout, [this] { return impl_->drained; });
  }
  impl_->abort.request_stop();
  impl_->thread.join();
}

}  // namespace stoker::kube
