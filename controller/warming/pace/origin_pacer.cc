#include "controller/warming/pace/origin_pacer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace stoker::warming {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;

constexpr Millis kLookAgain{50};      // while nothing may begin
constexpr Millis kPlaceLookAgain{2};  // while another loop may end what is in flight

std::string Shown(microseconds latency) {
  const double ms = static_cast<double>(latency.count()) / 1000;
  return ms < 10 ? fmt::format("{:.1f}ms", ms) : FormatDuration(Millis(std::llround(ms)));
}

}  // namespace

OriginPacer::OriginPacer(OriginPacerOptions options, const Clock& clock,
                         std::unique_ptr<OriginBudgets::Member> shared)
    : options_(options),
      clock_(clock),
      limited_(options.latency.tolerance > 0 || options.latency.slow_above.count() > 0 ||
               options.stop.stop_above.count() > 0),
      shared_(std::move(shared)),
      bucket_(options.per_second, options.burst, clock.Steady()),
      bytes_(options.bytes_per_second, clock.Steady()),
      limit_(options.latency, clock.Steady()),
      breaker_(options.breaker),
      stop_(options.stop),
      memory_(options.in_flight) {}

OriginPacer::Request OriginPacer::Begin(bool for_list) const {
  Request request;
  request.for_list = for_list;
  request.era = breaker_.era();
  return request;
}

std::optional<SteadyTime> OriginPacer::AskToApproach(SteadyTime now, int approaching) const {
  if (Stopped()) return now + kLookAgain;
  if (const auto again = breaker_.Wait(now)) return std::min(*again, now + kLookAgain);
  // Of an origin that is only probed, no more connections are asked for than probes.
  const bool probing = breaker_.state() != CircuitBreaker::State::kClosed;
  if (probing && approaching >= options_.breaker.probes) return now + kLookAgain;
  return std::nullopt;
}

bool OriginPacer::TakePlace() {
  const int most = std::min(limit_.limit(), memory_.limit());
  if (in_flight_.fetch_add(1, std::memory_order_relaxed) < most &&
      (!shared_ || shared_->TakePlace())) {
    return true;
  }
  in_flight_.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

void OriginPacer::GivePlace() {
  in_flight_.fetch_sub(1, std::memory_order_relaxed);
  if (shared_) shared_->GivePlace();
}

std::optional<SteadyTime> OriginPacer::AskToSend(SteadyTime now, Request& request) {
  if (!request.sent) return Ask(now, request);
  // What it waits here is not the origin's doing.
  stop_.Rests(request.followed);
  const auto again = Ask(now, request);
  if (!again) stop_.GoesOn(now, request.followed);
  return again;
}

// What only looks comes before what takes, so that a no takes nothing.
std::optional<SteadyTime> OriginPacer::Ask(SteadyTime now, Request& request) {
  if (Stopped()) return now + kLookAgain;
  const bool probed = request.probes && request.era == breaker_.era();
  if (!probed) {
    if (const auto again = breaker_.Wait(now)) return std::min(*again, now + kLookAgain);
  }
  if (!request.sent) {
    if (const auto again = bytes_.Wait(now)) return again;
    if (!TakePlace()) return now + kPlaceLookAgain;
  }
  const auto refused = [&](SteadyTime again) {
    if (!request.sent) GivePlace();
    return std::optional(again);
  };
  if (const auto again = bucket_.Wait(now)) return refused(*again);
  if (shared_) {
    if (const auto again = shared_->TakeToken(now)) return refused(*again);
  }
  if (const auto again = bucket_.Take(now)) return refused(*again);
  if (!probed && breaker_.state() != CircuitBreaker::State::kClosed) {
    if (const auto again = breaker_.Admit(now, clock_.Wall()))
      return refused(std::min(*again, now + kLookAgain));
    request.probes = true;
  }
  if (!probed) request.era = breaker_.era();
  if (request.sent) return std::nullopt;
  if (const auto again = bytes_.Begin(now, request.charge)) return refused(*again);
  if (!request.for_list && options_.stop.stop_above.count() > 0)
    request.followed = stop_.Began(now);
  request.sent = true;
  return std::nullopt;
}

void OriginPacer::Ended(SteadyTime now, Request& request, const Outcome& outcome) {
  Judge(now, request, outcome);
  if (!request.sent) return;
  request.sent = false;
  GivePlace();
  if (outcome.kind == Outcome::Kind::kServed) {
    bytes_.Ended(request.charge, outcome.bytes);
  } else {
    bytes_.Failed(request.charge);
  }
  if (!limited_ || request.for_list) return;
  limit_.Finished(now, outcome.latency);
  if (limit_.held_back() != throttled_.load(std::memory_order_relaxed)) NoteThrottling();
  if (const auto slowness = stop_.Finished(now, request.followed, outcome.latency))
    StopNow(now, *slowness);
}

// A list is no entry: it may be at another host, and is heard only when it was a probe.
void OriginPacer::Judge(SteadyTime now, const Request& request, const Outcome& outcome) {
  if (request.for_list && !request.probes) return;
  if (outcome.kind == Outcome::Kind::kServed) {
    if (request.sent) breaker_.Succeeded(request.era);  // else nothing was asked of it
    return;
  }
  const bool closed = breaker_.state() == CircuitBreaker::State::kClosed;
  if (outcome.kind == Outcome::Kind::kBusy && closed) return;  // it is alive, and is waited for
  if (!breaker_.Failed(request.era, now, clock_.Wall()) || !closed) return;
  const std::lock_guard lock(mutex_);
  why_open_ = fmt::format("{} requests in a row failed, the last one by {}",
                          options_.breaker.failure_threshold, outcome.reason);
}

void OriginPacer::Tick(SteadyTime now) {
  if (options_.stop.stop_above.count() == 0) return;
  if (!Stopped()) {
    if (const auto slowness = stop_.Look(now)) StopNow(now, *slowness);
    return;
  }
  bool over = false;
  {
    const std::lock_guard lock(mutex_);
    over = why_stopped_.until && now >= *why_stopped_.until;
  }
  if (over) Resume(now);
}

void OriginPacer::StopNow(SteadyTime now, const LatencyStop::Slowness& slowness) {
  const std::lock_guard lock(mutex_);
  if (stopped_.exchange(true, std::memory_order_acq_rel)) return;
  why_stopped_.message =
      fmt::format("{} of the last {} requests took longer than {}", slowness.slow, slowness.of,
                  FormatDuration(options_.stop.stop_above));
  why_stopped_.until = options_.cooldown ? std::optional(now + *options_.cooldown) : std::nullopt;
}

// The reason stays as it was when it became one, so that who reads it again reads nothing new.
void OriginPacer::NoteThrottling() {
  const std::lock_guard lock(mutex_);
  const bool held_back = limit_.held_back();
  if (throttled_.exchange(held_back) == held_back || !held_back) return;
  const auto baseline = limit_.baseline();
  if (limit_.too_slow().count() == 0) {
    why_throttled_ = "after an emergency stop it begins again with one request at a time";
  } else if (baseline.count() > 0) {
    why_throttled_ = fmt::format("a request took {} on average, and {} with half as many at a time",
                                 Shown(limit_.too_slow()), Shown(baseline));
  } else {
    why_throttled_ =
        fmt::format("a request took {} on average, and latency.slowAbove is {}",
                    Shown(limit_.too_slow()), FormatDuration(options_.latency.slow_above));
  }
}

void OriginPacer::Resume(SteadyTime now) {
  stop_.Forget();
  limit_.Restart(now);
  stopped_.store(false, std::memory_order_release);
}

OriginPacer::State OriginPacer::Now(SteadyTime now) const {
  State state;
  state.retry_after = bucket_.Paused(now);
  state.limit = std::min(limit_.limit(), memory_.limit());
  state.short_of_memory = memory_.Reason();
  const std::lock_guard lock(mutex_);
  if (breaker_.state() != CircuitBreaker::State::kClosed) state.circuit_open = why_open_;
  if (Stopped()) {
    state.stop = why_stopped_;
  } else if (throttled_) {
    state.throttled = why_throttled_;
  }
  return state;
}

}  // namespace stoker::warming
