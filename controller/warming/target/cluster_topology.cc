#include <algorithm>
#include <utility>

#include "controller/warming/target/redis_errors.h"
#include "controller/warming/target/redis_topology.h"
#include "controller/warming/target/target_errors.h"

namespace stoker::warming {
namespace {

constexpr Millis kPatienceWithANode{2'000};
constexpr std::size_t kMostKnownNodes = 256;

class ClusterTopology final : public RedisTopology {
 public:
  ClusterTopology(asio::io_context& loop, std::shared_ptr<const EgressGuard> guard,
                  RedisOptions options)
      : loop_(loop), guard_(std::move(guard)), options_(std::move(options)) {
    seed_ = JoinHostPort(options_.endpoint.host, options_.endpoint.port);
  }

  // Asks the nodes in turn, so that what one of them has not heard yet, the next one tells; and the
  // address of the policy, whose name may stand for other nodes by now.
  asio::awaitable<tl::expected<RedisLayout, TargetError>> Find(SteadyTime deadline) override {
    std::vector<std::string> candidates = known_;
    candidates.push_back(seed_);
    tl::expected<RedisLayout, TargetError> found = tl::make_unexpected(TargetCancelled(seed_));
    for (const std::string& address : candidates) {
      const SteadyTime now = std::chrono::steady_clock::now();
      if (cancelled_ || now >= deadline) break;
      found = co_await AskNode(address, std::min(deadline, now + kPatienceWithANode));
      if (!found) continue;
      Learn(*found, address);
      break;
    }
    co_return found;
  }

  asio::awaitable<void> Watch(std::function<void()>) override { co_return; }

  void Cancel() override {
    cancelled_ = true;
    if (dialog_) dialog_->Cancel();
  }

  [[nodiscard]] bool by_slot() const override { return true; }

 private:
  asio::awaitable<tl::expected<RedisLayout, TargetError>> AskNode(std::string address,
                                                                  SteadyTime deadline) {
    const auto endpoint = ParseHostPort(address);
    if (!endpoint) co_return tl::make_unexpected(NotRedis(address));
    RedisOptions options = options_;
    options.endpoint.host = endpoint->host;
    options.endpoint.port = endpoint->port;
    options.any_key = false;
    const auto dialog = std::make_shared<RedisDialog>(loop_, guard_, options);
    dialog_ = dialog;
    const auto answer = co_await dialog->Ask({"CLUSTER", "SLOTS"}, deadline);
    dialog->Cancel();
    if (!answer) {
      TargetError error = answer.error();
      error.whole_target = true;
      if (error.message.find("cluster support disabled") != std::string::npos) {
        error.message = address + " is no Redis Cluster: set mode to Standalone";
      } else if (error.reason == "TargetAuth") {
        error.message += " (and CLUSTER SLOTS)";
      }
      co_return tl::make_unexpected(std::move(error));
    }
    auto layout = ReadClusterSlots(*answer, endpoint->host);
    if (!layout) co_return tl::make_unexpected(NotRedis(address));
    if (layout->ranges.empty()) {
      co_return tl::make_unexpected(
          TargetError{"TargetUnavailable", address + " knows no slot of its cluster", true, true});
    }
    co_return std::move(*layout);
  }

  void Learn(const RedisLayout& layout, const std::string& answered) {
    known_.clear();
    for (const RedisLayout::Range& range : layout.ranges) {
      if (known_.size() >= kMostKnownNodes) break;
      if (range.address == answered) continue;
      if (std::find(known_.begin(), known_.end(), range.address) == known_.end()) {
        known_.push_back(range.address);
      }
    }
    known_.push_back(answered);
  }

  asio::io_context& loop_;
  const std::shared_ptr<const EgressGuard> guard_;
  const RedisOptions options_;
  std::string seed_;
  std::vector<std::string> known_;
  std::shared_ptr<RedisDialog> dialog_;
  bool cancelled_ = false;
};

}  // namespace

std::shared_ptr<RedisTopology> MakeClusterTopology(asio::io_context& loop,
                                                   std::shared_ptr<const EgressGuard> guard,
                                                   RedisOptions options) {
  return std::make_shared<ClusterTopology>(loop, std::move(guard), std::move(options));
}

}  // namespace stoker::warming
