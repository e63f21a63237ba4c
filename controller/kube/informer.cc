#include "controller/kube/informer.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "controller/base/clock.h"
#include "controller/base/json.h"
#include "controller/base/log.h"
#include "controller/kube/calls.h"

namespace stoker::kube {
namespace {

constexpr char kInitialEventsEnd[] = "k8s.io/initial-events-end";
constexpr Millis kListTimeout(60'000);

std::function<double()> SeededRandom() {
  return
      [engine = std::minstd_rand(std::random_device{}()),
       unit = std::uniform_real_distribution<double>(0.0, 1.0)]() mutable { return unit(engine); };
}

const nlohmann::json* Member(const nlohmann::json& object, const char* key) {
  const auto it = object.find(key);
  return it == object.end() ? nullptr : &*it;
}

bool EndsInitialEvents(const nlohmann::json& bookmark) {
  const nlohmann::json* metadata = Member(bookmark, "metadata");
  const nlohmann::json* annotations =
      metadata == nullptr ? nullptr : Member(*metadata, "annotations");
  const nlohmann::json* end =
      annotations == nullptr ? nullptr : Member(*annotations, kInitialEventsEnd);
  return end != nullptr && *end == "true";
}

}  // namespace

struct Informer::Impl {
  Impl(Client& client, InformerOptions o)
      : transport(client.transport()),
        options(std::move(o)),
        state(options.backoff, SeededRandom()) {}

  void Run(const std::stop_token& stop);
  Status RunPhase(const std::stop_token& stop);
  Status PagedList(const std::stop_token& stop);
  Status Watch(const std::stop_token& stop);
  [[nodiscard]] HttpRequest WatchRequest() const;
  // One line of a watch; an error ends the watch.
  Status OnLine(std::string_view line);
  Status OnEvent(const std::string& type, nlohmann::json object);
  void OnBookmark(const nlohmann::json& object);
  void Listed(const std::vector<PackedObject>& objects, const std::string& resource_version);
  [[nodiscard]] PackedObject Pack(nlohmann::json object) const;
  void Hand(const Change& change) const;
  void ResyncWhenDue();

  Transport& transport;
  const InformerOptions options;
  Handler handler;  // constant after Start
  ObjectStore store;

  // Of the informer's thread alone.
  WatchState state;
  std::vector<PackedObject> initial;  // the list, while it is streamed
  SteadyTime next_resync;

  mutable std::mutex mutex;
  mutable std::condition_variable_any changed;
  bool synced = false;  // protected by mutex

  std::jthread thread;  // last: it uses all of the above
};

void Informer::Impl::Run(const std::stop_token& stop) {
  next_resync = SystemClock().Steady() + options.resync;
  while (!stop.stop_requested()) {
    ResyncWhenDue();
    const SteadyTime began = SystemClock().Steady();
    const Status end = RunPhase(stop);
    if (stop.stop_requested()) return;
    const auto lasted = std::chrono::floor<Millis>(SystemClock().Steady() - began);
    const Millis delay = state.OnEnd(end, lasted);
    if (!end) {
      // A watch of a quiet kind falls silent now and then; taken up at once, it is no news.
      Log(delay > Millis(0) ? LogLevel::kInfo : LogLevel::kDebug, "informer goes on after an error",
          {{"kind", std::string(options.resource.kind)},
           {"error", end.error().message},
           {"retryIn", FormatDuration(delay)}});
    }
    std::unique_lock lock(mutex);
    changed.wait_for(lock, stop, delay, [] { return false; });
  }
}

Status Informer::Impl::RunPhase(const std::stop_token& stop) {
  try {
    if (state.phase() == WatchPhase::kPagedList) return PagedList(stop);
    return Watch(stop);
  } catch (const std::exception& e) {
    // JSON of the wrong shape; the next attempt begins afresh.
    return Internal(std::string("the API server sent something unexpected: ") + e.what());
  }
}

Status Informer::Impl::PagedList(const std::stop_token& stop) {
  ListOptions list;
  list.label_selector = options.label_selector;
  list.field_selector = options.field_selector;
  std::vector<PackedObject> objects;
  const PageHandler on_page = {
      .item = [&](nlohmann::json item) { objects.push_back(Pack(std::move(item))); },
      .again = [&] { objects.clear(); }};
  STOKER_TRY(const std::string version,
             ListPages(transport, options.resource, options.ns, list, kListTimeout, on_page, stop));
  Listed(objects, version);
  return {};
}

HttpRequest Informer::Impl::WatchRequest() const {
  const bool list = state.phase() == WatchPhase::kStreamList;
  const auto until_resync = std::chrono::ceil<Millis>(next_resync - SystemClock().Steady());
  const Millis timeout = std::clamp(until_resync, Millis(1'000), options.watch_timeout);
  HttpRequest request;
  request.headers["accept"] = "application/json";
  request.timeout =
      list ? options.list_silence : std::min(options.silence, timeout + Millis(15'000));
  request.path =
      WithQuery(options.resource.Path(options.ns),
                {{"watch", "true"},
                 {"allowWatchBookmarks", "true"},
                 {"labelSelector", options.label_selector},
                 {"fieldSelector", options.field_selector},
                 {"sendInitialEvents", list ? "true" : ""},
                 {"resourceVersionMatch", list ? "NotOlderThan" : ""},
                 {"resourceVersion", state.resource_version()},
                 {"timeoutSeconds",
                  std::to_string(std::chrono::ceil<std::chrono::seconds>(timeout).count())}});
  return request;
}

Status Informer::Impl::Watch(const std::stop_token& stop) {
  initial.clear();
  Status outcome;
  auto response = transport.Stream(
      WatchRequest(),
      [&](std::string_view line) {
        outcome = OnLine(line);
        return outcome.has_value() && !stop.stop_requested();
      },
      stop);
  if (!outcome) return outcome;
  if (!response) return std::move(response.error());
  if (response->status / 100 != 2) return ErrorFromResponse(*response);
  return {};
}

Status Informer::Impl::OnLine(std::string_view line) {
  auto event = ParseJson(line);
  const nlohmann::json* type = event && event->is_object() ? Member(*event, "type") : nullptr;
  if (type == nullptr || !type->is_string() || !(*event)["object"].is_object()) {
    return Internal("the API server sent a watch event that is none");
  }
  return OnEvent(type->get<std::string>(), std::move((*event)["object"]));
}

Status Informer::Impl::OnEvent(const std::string& type, nlohmann::json object) {
  if (type == "ERROR") return ErrorFromStatus(object);
  if (type == "BOOKMARK") {
    OnBookmark(object);
    return {};
  }
  if (state.phase() == WatchPhase::kStreamList) {
    if (type != "DELETED") initial.push_back(Pack(std::move(object)));
    return {};
  }
  const std::string version = ObjectVersion(object);
  const auto change = type == "DELETED" ? store.Remove(object) : store.Put(Pack(std::move(object)));
  if (change) Hand(*change);
  state.OnProgress(version);
  return {};
}

void Informer::Impl::OnBookmark(const nlohmann::json& object) {
  if (state.phase() != WatchPhase::kStreamList) {
    state.OnProgress(ObjectVersion(object));
  } else if (EndsInitialEvents(object)) {
    Listed(std::exchange(initial, {}), ObjectVersion(object));
  }
}

void Informer::Impl::Listed(const std::vector<PackedObject>& objects,
                            const std::string& resource_version) {
  for (const Change& change : store.ReplaceAll(objects)) Hand(change);
  state.OnListed(resource_version);
  {
    const std::lock_guard lock(mutex);
    synced = true;
  }
  changed.notify_all();
}

PackedObject Informer::Impl::Pack(nlohmann::json object) const {
  return {std::move(object), options.index};
}

void Informer::Impl::Hand(const Change& change) const {
  if (!handler) return;
  try {
    handler(change.old_object.Unpack(), change.new_object.Unpack());
  } catch (const std::exception& e) {
    LogError("a handler failed",
             {{"kind", std::string(options.resource.kind)}, {"error", e.what()}});
  }
}

void Informer::Impl::ResyncWhenDue() {
  if (SystemClock().Steady() < next_resync) return;
  next_resync = SystemClock().Steady() + options.resync;
  for (const PackedObject& object : store.All()) Hand({object, object});
}

Informer::Informer(Client& client, InformerOptions options)
    : impl_(std::make_unique<Impl>(client, std::move(options))) {}

Informer::~Informer() { Stop(); }

void Informer::OnChange(Handler handler) { impl_->handler = std::move(handler); }

void Informer::Start() {
  impl_->thread =
      std::jthread([impl = impl_.get()](const std::stop_token& stop) { impl->Run(stop); });
}

void Informer::Stop() {
  impl_->thread.request_stop();
  if (impl_->thread.joinable()) impl_->thread.join();
}

bool Informer::Synced() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->synced;
}

bool Informer::WaitSynced(Millis timeout) const {
  std::unique_lock lock(impl_->mutex);
  return impl_->changed.wait_for(lock, timeout, [this] { return impl_->synced; });
}

Object Informer::Get(std::string_view ns, std::string_view name) const {
  return impl_->store.Get(ns, name);
}
std::vector<Object> Informer::List(std::string_view ns) const { return impl_->store.List(ns); }
std::vector<Object> Informer::Find(std::string_view ns, const std::string& value) const {
  return impl_->store.Find(ns, value);
}
std::vector<std::string> Informer::Keys(std::string_view ns) const { return impl_->store.Keys(ns); }
size_t Informer::Size() const { return impl_->store.Size(); }

}  // namespace stoker::kube
