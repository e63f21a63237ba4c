// The primaries of a Redis Cluster, one after the other.
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "controller/warming/net/waiting.h"
#include "controller/warming/source/redis_source.h"
#include "controller/warming/target/redis_topology.h"

namespace stoker::warming {
namespace {

constexpr Millis kLayoutDeadline{10'000};
constexpr Millis kBetweenWalks{500};
constexpr int kMostClusterWalks = 8;
// As long as a fail-over may take.
constexpr std::chrono::seconds kMostTrouble{60};

std::vector<std::tuple<std::uint16_t, std::uint16_t, std::string>> SlotsOf(
    const RedisLayout& layout) {
  std::vector<std::tuple<std::uint16_t, std::uint16_t, std::string>> slots;
  for (const auto& range : layout.ranges)
    slots.emplace_back(range.first, range.last, range.address);
  std::sort(slots.begin(), slots.end());
  return slots;
}

class RedisClusterSource final : public Source {
 public:
  RedisClusterSource(RedisOptions options, std::string match, std::size_t columns,
                     const SourceHost& host)
      : options_(std::move(options)),
        match_(std::move(match)),
        columns_(columns),
        host_(host),
        where_(options_.endpoint.host + ":" + options_.endpoint.port),
        topology_(MakeClusterTopology(*host.loop, host.egress, options_)),
        pause_(*host.loop) {}

  asio::awaitable<Result<bool>> Next(EntryChunk& chunk) override {
    while (true) {
      if (cancelled_) co_return Cancelled("the run stops");
      const auto more = co_await Step(chunk);
      if (more) co_return *more;
      node_.reset();
      if (const Status again = MayBeginAgain(more.error()); !again) co_return again.error();
      slots_.clear();
      co_await pause_.Wait(std::chrono::steady_clock::now() + kBetweenWalks);
    }
  }
  [[nodiscard]] Replay replay() const override { return Replay::kUnstable; }
  void Cancel() override {
    cancelled_ = true;
    topology_->Cancel();
    pause_.Cancel();
    if (node_) node_->Cancel();
  }

 private:
  // False: every primary was walked, and the slots stand as they stood at the beginning.
  asio::awaitable<Result<bool>> Step(EntryChunk& chunk) {
    if (slots_.empty()) {
      const Status begun = co_await Begin();
      if (!begun) co_return begun.error();
    }
    if (!node_) {
      RedisOptions options = options_;
      const auto endpoint = ParseHostPort(primaries_[done_]);
      if (!endpoint) co_return endpoint.error();
      options.endpoint.host = endpoint->host;
      options.endpoint.port = endpoint->port;
      options.any_key = false;
      node_ = MakeRedisNodeSource(std::move(options), match_, columns_, host_);
    }
    const auto more = co_await node_->Next(chunk);
    if (!more || *more) co_return more;
    node_.reset();
    if (++done_ > troubled_) trouble_since_.reset();
    if (done_ < primaries_.size()) co_return true;
    const auto now = co_await Layout();
    if (!now) co_return now.error();
    if (SlotsOf(*now) == slots_) co_return false;
    co_return Error{Code::kConflict, where_ + ": slots moved"};
  }

  asio::awaitable<Result<RedisLayout>> Layout() {
    auto layout = co_await topology_->Find(std::chrono::steady_clock::now() + kLayoutDeadline);
    if (layout) co_return std::move(*layout);
    co_return FromTarget(layout.error());
  }

  asio::awaitable<Status> Begin() {
    const auto layout = co_await Layout();
    if (!layout) co_return layout.error();
    done_ = 0;
    primaries_.clear();
    for (const auto& range : layout->ranges) {
      if (std::ranges::find(primaries_, range.address) == primaries_.end())
        primaries_.push_back(range.address);
    }
    if (primaries_.empty()) co_return Unavailable(where_ + ": no node serves any slot");
    slots_ = SlotsOf(*layout);
    co_return Status{};
  }

  // What was read before the walk begins again is met twice.
  Status MayBeginAgain(const Error& error) {
    if (error.code == Code::kConflict) {
      if (++walks_ <= kMostClusterWalks) return {};
      return Error{Code::kExhausted,
                   fmt::format("{}: slots moved during each of {} walks; copy the cluster when no "
                               "resharding is under way",
                               where_, kMostClusterWalks)};
    }
    if (cancelled_ || (error.code != Code::kUnavailable && error.code != Code::kTimeout))
      return error;
    const SteadyTime now = std::chrono::steady_clock::now();
    if (!trouble_since_) trouble_since_ = now;
    troubled_ = slots_.empty() ? 0 : done_;
    if (now - *trouble_since_ > kMostTrouble) return error;
    return {};
  }

  const RedisOptions options_;
  const std::string match_;
  const std::size_t columns_;
  const SourceHost host_;
  const std::string where_;
  const std::shared_ptr<RedisTopology> topology_;
  Waiter pause_;
  bool cancelled_ = false;
  std::vector<std::tuple<std::uint16_t, std::uint16_t, std::string>> slots_;  // empty: to be asked
  std::vector<std::string> primaries_;
  std::size_t done_ = 0;  // of these
  std::unique_ptr<Source> node_;
  int walks_ = 1;
  std::optional<SteadyTime> trouble_since_;
  std::size_t troubled_ = 0;  // so many primaries had been done
};

}  // namespace

std::unique_ptr<Source> MakeRedisClusterSource(RedisOptions options, const std::string& match,
                                               std::size_t columns, const SourceHost& host) {
  return std::make_unique<RedisClusterSource>(std::move(options), match, columns, host);
}

}  // namespace stoker::warming
