#include "controller/kube/object_poller.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include "controller/base/log.h"
#include "controller/kube/calls.h"

namespace stoker::kube {
namespace {

constexpr Millis kPollTimeout{15'000};
constexpr Millis kPollRetry{1'000};  // while nothing is known yet

enum class PollAnswer { kNone, kFound, kAbsent, kRefused };

}  // namespace

struct ObjectPoller::Impl {
  Impl(Client& c, const Resource& r, std::vector<std::string> n, Millis e)
      : transport(c.transport()), resource(r), names(std::move(n)), every(e) {}

  void Run(const std::stop_token& stop);
  void Poll(const std::string& name, const std::stop_token& stop);
  void Absent(const std::string& name, PollAnswer answer);
  void Hand(const std::optional<Change>& change) const;
  [[nodiscard]] bool Synced() const;
  // Returns what was known before.
  PollAnswer Note(const std::string& name, PollAnswer answer);

  Transport& transport;
  const Resource resource;
  const std::vector<std::string> names;
  const Millis every;
  Informer::Handler handler;  // constant after Start
  ObjectStore store;

  mutable std::mutex mutex;
  std::condition_variable_any wake;
  std::map<std::string, PollAnswer> answers;  // protected by mutex

  std::jthread thread;  // last: it uses all of the above
};

void ObjectPoller::Impl::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    for (const std::string& name : names) Poll(name, stop);
    const Millis delay = Synced() ? every : std::min(every, kPollRetry);
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, delay, [] { return false; });
  }
}

void ObjectPoller::Impl::Poll(const std::string& name, const std::stop_token& stop) {
  HttpRequest request;
  request.path = resource.Path({}, name);
  request.headers["accept"] = "application/json";
  request.timeout = kPollTimeout;
  auto read = Call(transport, std::move(request), stop);
  if (read) {
    Hand(store.Put({std::move(*read), nullptr}));
    Note(name, PollAnswer::kFound);
  } else if (read.error().code == Code::kNotFound) {
    Absent(name, PollAnswer::kAbsent);
  } else if (read.error().code == Code::kPermission) {
    Absent(name, PollAnswer::kRefused);
  } else if (!stop.stop_requested()) {
    LogDebug("an object was not read", {{"name", name}, {"error", read.error().message}});
  }
}

void ObjectPoller::Impl::Absent(const std::string& name, PollAnswer answer) {
  if (const Object held = store.Get({}, name)) Hand(store.Remove(*held));
  if (Note(name, answer) == answer || answer != PollAnswer::kRefused) return;
  LogWarn("an object may not be read; grant our service account the verb get by a Role",
          {{"kind", std::string(resource.kind)}, {"name", name}});
}

PollAnswer ObjectPoller::Impl::Note(const std::string& name, PollAnswer answer) {
  const std::lock_guard lock(mutex);
  return std::exchange(answers[name], answer);
}

void ObjectPoller::Impl::Hand(const std::optional<Change>& change) const {
  if (!change || !handler) return;
  try {
    handler(change->old_object.Unpack(), change->new_object.Unpack());
  } catch (const std::exception& e) {
    LogError("a handler failed", {{"kind", std::string(resource.kind)}, {"error", e.what()}});
  }
}

bool ObjectPoller::Impl::Synced() const {
  const std::lock_guard lock(mutex);
  return std::ranges::all_of(names, [this](const auto& name) { return answers.contains(name); });
}

ObjectPoller::ObjectPoller(Client& client, const Resource& resource, std::vector<std::string> names,
                           Millis every)
    : impl_(std::make_unique<Impl>(client, resource, std::move(names), every)) {}

ObjectPoller::~ObjectPoller() { Stop(); }

void ObjectPoller::OnChange(Informer::Handler handler) { impl_->handler = std::move(handler); }

void ObjectPoller::Start() {
  impl_->thread =
      std::jthread([impl = impl_.get()](const std::stop_token& stop) { impl->Run(stop); });
}

void ObjectPoller::Stop() {
  impl_->thread.request_stop();
  if (impl_->thread.joinable()) impl_->thread.join();
}

bool ObjectPoller::Synced() const { return impl_->Synced(); }

Object ObjectPoller::Get(const std::string& name) const { return impl_->store.Get({}, name); }

bool ObjectPoller::Refused(const std::string& name) const {
  const std::lock_guard lock(impl_->mutex);
  const auto it = impl_->answers.find(name);
  return it != impl_->answers.end() && it->second == PollAnswer::kRefused;
}

}  // namespace stoker::kube
