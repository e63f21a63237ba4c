#include "controller/kube/leader.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "controller/base/json.h"
#include "controller/base/log.h"
#include "controller/kube/calls.h"
#include "controller/kube/lease.h"

namespace stoker::kube {
namespace {

constexpr Millis kReleaseTimeout(2'000);
constexpr Millis kMinRequest(100);

}  // namespace

struct LeaderElector::Impl {
  Impl(Client& client, LeaderOptions o, const Clock& c)
      : transport(client.transport()), options(std::move(o)), clock(c) {}

  void Run(const std::stop_token& stop);
  // True once we lead; false on stop.
  bool Campaign(const std::stop_token& stop);
  // Keeps the lease until it is lost or stop is requested.
  void Reign(const std::stop_token& stop);
  void Release();

  Status Read(const std::stop_token& stop);
  Status Take(const std::stop_token& stop);
  // Ok: renewed. kConflict: somebody else holds it. Others are worth a retry.
  Status Renew(Millis timeout, const std::stop_token& stop);
  void WatchUntilFree(const std::stop_token& stop);
  Result<nlohmann::json> Write(const nlohmann::json& object, bool create, Millis timeout,
                               const std::stop_token& stop);
  void Accept(nlohmann::json written, SteadyTime sent);
  [[nodiscard]] LeaseWrite Claim(std::int64_t claimed, bool acquiring) const;
  [[nodiscard]] Millis UntilDeadline() const;
  void Pause(Millis delay, const std::stop_token& stop);
  void Say(LogLevel level, std::string_view message, const std::string& error = {}) const;

  Transport& transport;
  const LeaderOptions options;
  const Clock& clock;
  std::function<void()> on_started, on_stopped;  // constant after Start

  // Written by the elector's thread, read by any.
  std::atomic<bool> leading{false};
  std::atomic<SteadyTime::rep> renewed{0};  // steady, from before the request was sent
  std::atomic<std::int64_t> transitions{0};

  // Of the elector's thread alone.
  nlohmann::json lease;  // as last read or written
  LeaseView view;
  std::minstd_rand random{std::random_device{}()};

  std::mutex mutex;
  std::condition_variable_any wake;
  std::jthread thread;  // last: it uses all of the above
};

void LeaderElector::Impl::Say(LogLevel level, std::string_view message,
                              const std::string& error) const {
  if (error.empty()) {
    Log(level, message,
        {{"lease", options.ns + "/" + options.name}, {"identity", options.identity}});
  } else {
    Log(level, message,
        {{"lease", options.ns + "/" + options.name},
         {"identity", options.identity},
         {"error", error}});
  }
}

void LeaderElector::Impl::Run(const std::stop_token& stop) {
  while (Campaign(stop)) {
    Say(LogLevel::kInfo, "this replica leads");
    on_started();
    Reign(stop);
    if (stop.stop_requested()) {
      on_stopped();  // still valid: the last writes may go out before the lease does
      leading.store(false);
      Release();
      return;
    }
    leading.store(false);
    Say(LogLevel::kWarn, "this replica leads no longer");
    on_stopped();
  }
}

bool LeaderElector::Impl::Campaign(const std::stop_token& stop) {
  std::string last_error;
  while (!stop.stop_requested()) {
    Status step = Read(stop);
    if (step && view.Free(options.identity, clock.Steady())) {
      step = Take(stop);
      if (step) return true;
      // Another was faster; what it wrote decides.
      if (step.error().code == Code::kConflict || step.error().code == Code::kAlreadyExists)
        continue;
    }
    if (step) {
      WatchUntilFree(stop);
      last_error.clear();
      continue;
    }
    if (!stop.stop_requested() && step.error().message != last_error) {
      last_error = step.error().message;
      Say(LogLevel::kWarn, "the lease cannot be read or taken", last_error);
    }
    Pause(options.retry_period, stop);
  }
  return false;
}

void LeaderElector::Impl::Reign(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    Pause(std::min(options.retry_period, UntilDeadline()), stop);
    if (stop.stop_requested()) return;
    const Millis left = UntilDeadline();
    if (left <= Millis(0)) return Say(LogLevel::kError, "the lease could not be renewed in time");
    // A request that hangs must leave time for another try.
    const Millis timeout = std::clamp(left / 2, std::min(kMinRequest, left), left);
    const Status renewal = Renew(timeout, stop);
    if (renewal || stop.stop_requested()) continue;
    if (renewal.error().code == Code::kConflict) {
      return Say(LogLevel::kError, "the lease was taken", renewal.error().message);
    }
    Say(LogLevel::kWarn, "the lease was not renewed, trying again", renewal.error().message);
  }
}

Millis LeaderElector::Impl::UntilDeadline() const {
  const SteadyTime since{SteadyTime::duration(renewed.load())};
  return std::chrono::floor<Millis>(since + options.renew_deadline - clock.Steady());
}

void LeaderElector::Impl::Pause(Millis delay, const std::stop_token& stop) {
  // Up to a tenth more, so that replicas do not move in step.
  const Millis jittered = delay + delay * static_cast<int>(random() % 100) / 1000;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, std::max(jittered, Millis(1)), [] { return false; });
}

Status LeaderElector::Impl::Read(const std::stop_token& stop) {
  HttpRequest request;
  request.path = kLeases.Path(options.ns, options.name);
  request.timeout = options.renew_deadline / 2;
  auto read = Call(transport, std::move(request), stop);
  if (read) {
    lease = std::move(*read);
    view.Observe(ParseLease(lease), clock.Steady());
    return {};
  }
  if (read.error().code != Code::kNotFound) return std::move(read.error());
  lease = nullptr;
  view.ObserveAbsent();
  return {};
}

LeaseWrite LeaderElector::Impl::Claim(std::int64_t claimed, bool acquiring) const {
  return {options.ns, options.name, options.identity, options.lease_duration,
          claimed,    clock.Wall(), acquiring};
}

Result<nlohmann::json> LeaderElector::Impl::Write(const nlohmann::json& object, bool create,
                                                  Millis timeout, const std::stop_token& stop) {
  HttpRequest request;
  request.method = create ? "POST" : "PUT";
  request.path = WithQuery(kLeases.Path(options.ns, create ? std::string_view() : options.name),
                           {{"fieldManager", kFieldManager}});
  request.headers["content-type"] = "application/json";
  request.body = object.dump();
  request.timeout = timeout;
  return Call(transport, std::move(request), stop);
}

void LeaderElector::Impl::Accept(nlohmann::json written, SteadyTime sent) {
  lease = std::move(written);
  view.Observe(ParseLease(lease), sent);
  renewed.store(sent.time_since_epoch().count());
}

Status LeaderElector::Impl::Take(const std::stop_token& stop) {
  // Also after our own earlier life, and after somebody deleted the lease: the number only grows.
  std::int64_t left_behind = 0;
  if (!view.exists() && options.left_behind) {
    STOKER_TRY(left_behind, options.left_behind(stop));
  }
  const std::int64_t next = NextTransitions(view.record(), transitions.load(), left_behind);
  const SteadyTime sent = clock.Steady();
  STOKER_TRY(nlohmann::json written, Write(HeldLease(lease, Claim(next, true)), !view.exists(),
                                           options.renew_deadline / 2, stop));
  Accept(std::move(written), sent);
  transitions.store(next);
  leading.store(true);
  return {};
}

Status LeaderElector::Impl::Renew(Millis timeout, const std::stop_token& stop) {
  const SteadyTime sent = clock.Steady();
  auto written = Write(HeldLease(lease, Claim(transitions.load(), false)), false, timeout, stop);
  if (written) {
    Accept(std::move(*written), sent);
    return {};
  }
  const Code code = written.error().code;
  if (code != Code::kConflict && code != Code::kNotFound) return std::move(written.error());
  // Our own write whose answer was lost, somebody's edit, or a successor: what stands there
  // decides.
  STOKER_CHECK(Read(stop));
  const LeaseRecord& found = view.record();
  if (view.exists() && found.holder == options.identity &&
      found.transitions == transitions.load()) {
    return Unavailable("the lease was written by others meanwhile");
  }
  return Error{Code::kConflict, view.exists() ? "it is held by \"" + found.holder + "\" now"
                                              : std::string("it was deleted")};
}

void LeaderElector::Impl::WatchUntilFree(const std::stop_token& stop) {
  HttpRequest request;
  request.path =
      WithQuery(kLeases.Path(options.ns), {{"watch", "true"},
                                           {"fieldSelector", "metadata.name=" + options.name},
                                           {"resourceVersion", view.record().resource_version},
                                           {"timeoutSeconds", "290"}});
  // A holder that is well renews; silence for the rest of its lease means that it is not.
  request.timeout = view.Remaining(clock.Steady()) + Millis(random() % 100);
  bool errored = false;
  const auto response = transport.Stream(
      request,
      [&](std::string_view line) {
        const auto event = ParseJson(line);
        errored = !event || !event->is_object() || !event->contains("object") ||
                  event->value("type", "") == "ERROR";
        if (errored || event->value("type", "") == "DELETED") return false;
        view.Observe(ParseLease((*event)["object"]), clock.Steady());
        return !view.Free(options.identity, clock.Steady());
      },
      stop);
  const bool silent = !response && response.error().code == Code::kTimeout;
  const bool watched = response && response->status / 100 == 2 && !errored;
  if (!silent && !watched) Pause(options.retry_period, stop);
}

void LeaderElector::Impl::Release() {
  auto released = Write(ReleasedLease(lease, clock.Wall()), false, kReleaseTimeout, {});
  // Our last renewal may have reached the server although we did not wait for its answer.
  if (!released && released.error().code == Code::kConflict && Read({}) && view.exists() &&
      view.record().holder == options.identity && view.record().transitions == transitions.load()) {
    released = Write(ReleasedLease(lease, clock.Wall()), false, kReleaseTimeout, {});
  }
  if (released) {
    Say(LogLevel::kInfo, "the lease is released");
  } else {
    Say(LogLevel::kWarn, "the lease could not be released; it will expire",
        released.error().message);
  }
}

LeaderElector::LeaderElector(Client& client, LeaderOptions options, const Clock& clock)
    : impl_(std::make_unique<Impl>(client, std::move(options), clock)) {}

LeaderElector::~LeaderElector() { Stop(); }

void LeaderElector::Start(std::function<void()> on_started, std::function<void()> on_stopped) {
  impl_->on_started = std::move(on_started);
  impl_->on_stopped = std::move(on_stopped);
  impl_->thread =
      std::jthread([impl = impl_.get()](const std::stop_token& stop) { impl->Run(stop); });
}

void LeaderElector::Stop() {
  impl_->thread.request_stop();
  if (impl_->thread.joinable()) impl_->thread.join();
}

bool LeaderElector::Valid() const {
  return impl_->leading.load() && impl_->UntilDeadline() > Millis(0);
}

std::int64_t LeaderElector::Transitions() const { return impl_->transitions.load(); }

}  // namespace stoker::kube
