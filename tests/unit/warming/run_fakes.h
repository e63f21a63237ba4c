#pragma once

// An origin, targets and documents that do as a test says, and remember what was asked of them.
//
// Thread safety: the shared states guard themselves; scripts are set before the run starts.

#include <algorithm>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controller/warming/run/addresses.h"
#include "controller/warming/run/parts.h"

namespace stoker::warming::testing {

struct OriginState {
  // What to answer to the nth request (from 0) for this URL; empty: the URL itself.
  std::function<FetchResult(const std::string& url, int nth)> script;
  std::function<Millis(int nth)>
      dial;  // how long the nth connection (from 0) takes; empty: no time
  Millis latency{0};
  // How long the nth request of all (from 0) takes instead, with so many out.
  std::function<Millis(int nth, int in_flight)> serve_time;
  std::atomic<int> dials{0};

  void Arrived(const std::string& url) {
    const std::lock_guard lock(mutex);
    arrivals.push_back(std::chrono::steady_clock::now());
    ++asked[url];
    most_in_flight = std::max(most_in_flight, ++in_flight);
  }
  Millis TimeOfLatest() {
    if (!serve_time) return latency;
    const std::lock_guard lock(mutex);
    return serve_time(static_cast<int>(arrivals.size()) - 1, in_flight);
  }
  int Asked(const std::string& url) {
    const std::lock_guard lock(mutex);
    return asked[url];
  }
  std::size_t Requests() {
    const std::lock_guard lock(mutex);
    return arrivals.size();
  }
  // The most arrivals in any window of one second.
  std::size_t PeakPerSecond() {
    const std::lock_guard lock(mutex);
    auto sorted = arrivals;
    std::sort(sorted.begin(), sorted.end());
    std::size_t peak = 0;
    for (std::size_t i = 0, j = 0; j < sorted.size(); ++j) {
      while (sorted[j] - sorted[i] >= std::chrono::seconds(1)) ++i;
      peak = std::max(peak, j - i + 1);
    }
    return peak;
  }

  int requests_each = 1;  // of a fetch: redirects, say

  std::mutex mutex;
  std::vector<SteadyTime> arrivals;
  std::map<std::string, int> asked;
  int in_flight = 0, most_in_flight = 0;
};

class FakeOrigin final : public Origin {
 public:
  FakeOrigin(asio::io_context& loop, std::shared_ptr<OriginState> state, Template url)
      : loop_(loop), state_(std::move(state)), url_(std::move(url)) {}
  asio::awaitable<FetchResult> Fetch(Question& question, const Leave& leave) override {
    std::string url;
    url_.Render(question.values, url);
    if (state_->dial) co_await Sleep(state_->dial(state_->dials++));
    for (int i = 0; i < state_->requests_each; ++i) {
      if (i > 0) co_await Sleep(Millis(2));  // the answer that sent it on
      if (const Status allowed = co_await leave(); !allowed)
        co_return tl::unexpected(FetchError{"Cancelled", "the run stops", false, false, {}});
    }
    const int nth = state_->Asked(url);
    state_->Arrived(url);
    co_await Sleep(state_->TimeOfLatest());
    {
      const std::lock_guard lock(state_->mutex);
      --state_->in_flight;
    }
    if (cancelled_)
      co_return tl::unexpected(FetchError{"Cancelled", "the run stops", false, false, {}});
    if (state_->script) co_return state_->script(url, nth);
    co_return Fetched{url, "text/plain", url.size()};
  }
  void Cancel() override {
    cancelled_ = true;
    for (asio::steady_timer* timer : timers_) timer->cancel();
  }

 private:
  asio::awaitable<void> Sleep(Millis time) {
    if (time.count() == 0 || cancelled_) co_return;
    asio::steady_timer timer(loop_, time);
    timers_.insert(&timer);
    asio::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    timers_.erase(&timer);
  }

  asio::io_context& loop_;
  std::shared_ptr<OriginState> state_;
  const Template url_;
  std::set<asio::steady_timer*> timers_;
  bool cancelled_ = false;
};

struct StoreState {
  // An error for the nth command (from 0) of any kind; none: it works.
  std::function<std::optional<TargetError>(int nth)> trouble;
  // The same for reading values back.
  std::function<std::optional<TargetError>(int nth)> read_trouble;
  std::atomic<int> reads{0};
  bool forgets = false;    // acknowledges and drops
  bool withholds = false;  // acknowledges nothing
  std::atomic<int> withheld{0};

  std::optional<TargetError> Trouble() { return trouble ? trouble(commands++) : std::nullopt; }
  std::size_t Size() {
    const std::lock_guard lock(mutex);
    return values.size();
  }
  struct Value {
    std::string value;
    Millis ttl;
  };
  std::optional<Value> Get(const std::string& key) {
    const std::lock_guard lock(mutex);
    const auto at = values.find(key);
    if (at == values.end()) return std::nullopt;
    return at->second;
  }
  std::atomic<int> commands{0};
  std::mutex mutex;
  std::map<std::string, Value, std::less<>> values;
};

class FakeTarget final : public Target {
 public:
  explicit FakeTarget(std::shared_ptr<StoreState> state) : state_(std::move(state)) {}
  asio::awaitable<tl::expected<void, TargetError>> Open(SteadyTime) override {
    if (auto error = state_->Trouble()) co_return tl::unexpected(*error);
    co_return tl::expected<void, TargetError>{};
  }
  asio::awaitable<tl::expected<std::vector<bool>, TargetError>> Probe(
      const std::vector<std::string_view>& keys, Millis at_least, SteadyTime) override {
    if (auto error = state_->Trouble()) co_return tl::unexpected(*error);
    const std::lock_guard lock(state_->mutex);
    std::vector<bool> held;
    for (const auto key : keys) {
      const auto value = state_->values.find(key);
      held.push_back(value != state_->values.end() &&
                     (value->second.ttl.count() == 0 || value->second.ttl >= at_least));
    }
    co_return held;
  }
  [[nodiscard]] bool HasRoom() const override { return true; }
  asio::awaitable<void> Writable() override { co_return; }
  void Write(std::string_view key, std::string_view value, Millis ttl, bool if_absent,
             WriteDone done) override {
    if (auto error = state_->Trouble()) return done(tl::unexpected(*error));
    if (state_->withholds) {
      ++state_->withheld;
      withheld_.push_back(std::move(done));
      return;
    }
    WriteOutcome outcome = WriteOutcome::kWritten;
    if (!state_->forgets) {
      const std::lock_guard lock(state_->mutex);
      const bool there = state_->values.find(key) != state_->values.end();
      if (there && if_absent)
        outcome = WriteOutcome::kPresent;
      else
        state_->values[std::string(key)] = {std::string(value), ttl};
    }
    done(outcome);
  }
  asio::awaitable<tl::expected<std::vector<Held>, TargetError>> Read(
      const std::vector<std::string_view>& keys, SteadyTime) override {
    const int nth = state_->reads++;
    if (state_->read_trouble) {
      if (auto error = state_->read_trouble(nth)) co_return tl::unexpected(*error);
    }
    const std::lock_guard lock(state_->mutex);
    std::vector<Held> held;
    for (const auto key : keys) {
      const auto at = state_->values.find(key);
      if (at == state_->values.end())
        held.push_back({});
      else
        held.push_back({true, at->second.ttl, at->second.value});
    }
    co_return held;
  }
  void Cancel() override {
    for (const WriteDone& done : std::exchange(withheld_, {})) {
      done(tl::unexpected(TargetError{"Cancelled", "the run stops", false, false}));
    }
  }

 private:
  std::shared_ptr<StoreState> state_;
  std::vector<WriteDone> withheld_;
};

// Documents by URL: a body, or an error.
struct DocumentState {
  std::map<std::string, std::string> bodies;
  std::set<std::string> broken;  // URLs that answer 503
  Millis latency{0};
  std::mutex mutex;
  std::map<std::string, int> asked;
};

class FakeDocuments final : public DocumentClient {
 public:
  FakeDocuments(asio::io_context& loop, std::shared_ptr<DocumentState> state)
      : loop_(loop), state_(std::move(state)) {}
  asio::awaitable<FetchResult> Get(const std::string& url, SteadyTime,
                                   const std::function<asio::awaitable<Status>()>& leave,
                                   BodySink sink) override {
    if (const Status allowed = co_await leave(); !allowed)
      co_return tl::unexpected(FetchError{"Cancelled", "the run stops", false, false, {}});
    if (state_->latency.count() > 0) {
      asio::steady_timer timer(loop_, state_->latency);
      co_await timer.async_wait(asio::use_awaitable);
    }
    {
      const std::lock_guard lock(state_->mutex);
      ++state_->asked[url];
    }
    if (state_->broken.contains(url))
      co_return tl::unexpected(FetchError{"HTTP503", "the server answered 503", true, false, {}});
    const auto body = state_->bodies.find(url);
    if (body == state_->bodies.end()) {
      co_return tl::unexpected(FetchError{"HTTP404", "the server answered 404", false, false, {}});
    }
    // Small pieces first, so that lines and magic numbers are cut.
    std::size_t size = 7;
    for (std::size_t at = 0; at < body->second.size(); at += size, size *= 2) {
      if (!sink(std::string_view(body->second).substr(at, size))) {
        co_return tl::unexpected(FetchError{"Cancelled", "enough", false, false, {}});
      }
    }
    co_return Fetched{};
  }
  void Cancel() override {}

 private:
  asio::io_context& loop_;
  std::shared_ptr<DocumentState> state_;
};

class FakeMaterials final : public Materials {
 public:
  std::map<std::string, std::map<std::string, std::string>> secrets, config_maps;
  [[nodiscard]] Result<std::map<std::string, std::string>> Secret(
      const std::string& name) const override {
    return Find(secrets, "Secret", name);
  }
  [[nodiscard]] Result<std::map<std::string, std::string>> ConfigMap(
      const std::string& name) const override {
    return Find(config_maps, "ConfigMap", name);
  }

 private:
  static Result<std::map<std::string, std::string>> Find(const auto& all, const char* kind,
                                                         const std::string& name) {
    const auto at = all.find(name);
    if (at == all.end()) return NotFound(std::string(kind) + " \"" + name + "\" does not exist");
    return at->second;
  }
};

// A policy of `count` keys "k:1".."k:count", as fast as it goes, into one target.
inline RunSpec PatternRun(std::int64_t count) {
  RunSpec spec;
  spec.id = "run-1";
  spec.plan_hash = "plan-1";
  api::Source source;
  source.name = "keys";
  api::PatternVariable id;
  id.name = "id";
  id.from = 1;
  id.to = count;
  source.pattern = api::PatternSource{"k:{id}", {id}};
  spec.policy.sources.push_back(source);
  api::Origin origin;
  origin.name = "origin";
  origin.http.emplace().url = "http://origin.test/{key}";
  spec.policy.origins.push_back(origin);
  api::Target target;
  target.name = "cache";
  target.write.ttl = std::chrono::hours(1);
  spec.policy.targets.push_back(target);
  spec.policy.pacing = {1'000'000, 1'000'000, 16};
  spec.policy.retry = {3, Millis(1), Millis(5)};
  spec.policy.execution.deadline = std::chrono::seconds(30);
  return spec;
}

// A run over fakes, on loops of its own.
class Bench {
 public:
  explicit Bench(RunSpec run, int loops = 2) : spec(std::move(run)), pool(loops) {
    for (std::size_t i = 0; i < spec.policy.targets.size(); ++i)
      stores.push_back(std::make_shared<StoreState>());
  }
  Result<std::unique_ptr<Run>> Create() {
    RunParts parts;
    if (!spec.policy.origins.empty()) {
      STOKER_TRY(const Addresses addresses, ParseAddresses(spec.policy));
      parts.origin = [state = origin, url = addresses.origins.front()](asio::io_context& loop) {
        return std::make_unique<FakeOrigin>(loop, state, url);
      };
    }
    for (const auto& store : stores) {
      parts.targets.emplace_back(
          [store](asio::io_context&) { return std::make_unique<FakeTarget>(store); });
    }
    parts.documents = [state = documents](asio::io_context& loop) {
      return std::make_unique<FakeDocuments>(loop, state);
    };
    parts.pool = &pool;
    parts.outage_backoff = outage_backoff;
    return CreateRun(spec, materials, options, std::move(parts));
  }
  Report RunToEnd() {
    auto run = Create();
    if (!run) return {Report::Result::kFailed, "Create", run.error().message, {}, {}, {}, {}};
    (*run)->Start();
    return (*run)->Wait();
  }

  RunSpec spec;
  RunOptions options;
  OutageBackoff outage_backoff{Millis(20), Millis(100)};
  LoopPool pool;
  std::shared_ptr<OriginState> origin = std::make_shared<OriginState>();
  std::shared_ptr<DocumentState> documents = std::make_shared<DocumentState>();
  std::vector<std::shared_ptr<StoreState>> stores;
  std::shared_ptr<FakeMaterials> materials = std::make_shared<FakeMaterials>();
};

}  // namespace stoker::warming::testing
