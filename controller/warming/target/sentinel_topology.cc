#include <algorithm>
#include <utility>

#include "controller/warming/net/waiting.h"
#include "controller/warming/target/redis_errors.h"
#include "controller/warming/target/redis_slot.h"
#include "controller/warming/target/redis_topology.h"
#include "controller/warming/target/target_errors.h"

namespace stoker::warming {
namespace {

constexpr Millis kPatienceWithASentinel{2'000};
constexpr Millis kSilenceOfASentinel{30'000};  // then another one is listened to
constexpr Millis kBetweenSentinels{500};
constexpr std::size_t kMostSentinels = 32;

using LayoutResult = tl::expected<RedisLayout, TargetError>;
using Dialog = std::shared_ptr<RedisDialog>;

SteadyTime SentinelNow() { return std::chrono::steady_clock::now(); }

// "name", "ip", "10.0.0.1", "port", "26379", ...: the value of one field.
std::string Field(const RespValue& pairs, std::string_view name) {
  for (std::size_t i = 0; i + 1 < pairs.items.size(); i += 2) {
    if (pairs.items[i].text == name) return pairs.items[i + 1].text;
  }
  return {};
}

class SentinelTopology final : public RedisTopology {
 public:
  SentinelTopology(asio::io_context& loop, std::shared_ptr<const EgressGuard> guard,
                   RedisOptions options, std::string master)
      : loop_(loop),
        guard_(std::move(guard)),
        options_(std::move(options)),
        master_(std::move(master)),
        pause_(loop) {
    seed_ = JoinHostPort(options_.endpoint.host, options_.endpoint.port);
  }

  asio::awaitable<LayoutResult> Find(SteadyTime deadline) override {
    LayoutResult found = tl::make_unexpected(TargetCancelled(seed_));
    for (const std::string& sentinel : Candidates()) {
      if (cancelled_ || SentinelNow() >= deadline) break;
      found = co_await AskSentinel(sentinel,
                                   std::min(deadline, SentinelNow() + kPatienceWithASentinel));
      if (found) break;
    }
    co_return found;
  }

  // Sentinels announce a new master on a channel, long before the old one is known to be gone.
  asio::awaitable<void> Watch(std::function<void()> changed) override {
    for (std::size_t turn = 0; !cancelled_; ++turn) {
      const std::vector<std::string> candidates = Candidates();
      watching_ = MakeDialog(candidates[turn % candidates.size()], true);
      const Dialog dialog = watching_;
      co_await Listen(dialog, changed);
      dialog->Cancel();
      if (cancelled_) break;
      changed();
      co_await pause_.Wait(SentinelNow() + kBetweenSentinels);
    }
  }

  void Cancel() override {
    cancelled_ = true;
    if (asking_) asking_->Cancel();
    if (watching_) watching_->Cancel();
    pause_.Cancel();
  }

  [[nodiscard]] bool by_slot() const override { return false; }

 private:
  [[nodiscard]] std::vector<std::string> Candidates() const {
    std::vector<std::string> candidates = known_;
    if (std::find(known_.begin(), known_.end(), seed_) == known_.end()) candidates.push_back(seed_);
    return candidates;
  }

  // Of a sentinel, or of a Redis that it named.
  Dialog MakeDialog(const std::string& address, bool sentinel) {
    RedisOptions options = options_;
    if (const auto endpoint = ParseHostPort(address)) {
      options.endpoint.host = endpoint->host;
      options.endpoint.port = endpoint->port;
    }
    options.any_key = !sentinel;
    if (sentinel) options.database = 0;
    if (sentinel && without_credentials_) {
      options.username.clear();
      options.password.clear();
    }
    return std::make_shared<RedisDialog>(loop_, guard_, std::move(options));
  }

  asio::awaitable<RedisDialog::Answer> Question(Dialog dialog, std::vector<std::string> command,
                                                SteadyTime deadline) {
    asking_ = dialog;
    if (cancelled_) dialog->Cancel();
    co_return co_await dialog->Ask(std::move(command), deadline);
  }

  asio::awaitable<LayoutResult> AskSentinel(std::string sentinel, SteadyTime deadline) {
    const std::vector<std::string> question = {"SENTINEL", "GET-MASTER-ADDR-BY-NAME", master_};
    Dialog dialog = MakeDialog(sentinel, true);
    auto answer = co_await Question(dialog, question, deadline);
    if (!answer && answer.error().reason == "TargetAuth" && !options_.password.empty() &&
        !without_credentials_) {
      without_credentials_ = true;
      dialog->Cancel();
      dialog = MakeDialog(sentinel, true);
      answer = co_await Question(dialog, question, deadline);
      without_credentials_ = answer.has_value();
    }
    if (!answer) co_return Failed(answer.error());
    if (answer->items.size() != 2) {
      co_return tl::make_unexpected(TargetError{
          "TargetRejected",
          sentinel + " knows no master named \"" + master_ + "\": check masterName", false, true});
    }
    const std::string address = JoinHostPort(answer->items[0].text, answer->items[1].text);
    const auto others = co_await Question(dialog, {"SENTINEL", "SENTINELS", master_}, deadline);
    if (others) Learn(*others, sentinel);
    dialog->Cancel();
    co_return co_await CheckMaster(address, deadline);
  }

  // A sentinel may still name a master that is gone, and a new one may not have been told yet.
  asio::awaitable<LayoutResult> CheckMaster(std::string address, SteadyTime deadline) {
    const Dialog dialog = MakeDialog(address, false);
    const auto role = co_await Question(dialog, {"ROLE"}, deadline);
    dialog->Cancel();
    if (!role && role.error().reason != "TargetAuth") co_return Failed(role.error());
    // Without the right to ask for the role, the sentinel's word must do.
    if (role && (role->items.empty() || role->items[0].text != "master")) {
      co_return tl::make_unexpected(
          TargetError{"TargetUnavailable", address + " is not the master yet", true, true});
    }
    RedisLayout layout;
    layout.ranges.push_back({0, kRedisSlots - 1, address});
    co_return layout;
  }

  static LayoutResult Failed(TargetError error) {
    error.whole_target = true;
    return tl::make_unexpected(std::move(error));
  }

  void Learn(const RespValue& sentinels, const std::string& answered) {
    known_.clear();
    for (const RespValue& sentinel : sentinels.items) {
      const std::string ip = Field(sentinel, "ip");
      const std::string port = Field(sentinel, "port");
      if (!ip.empty() && !port.empty() && known_.size() < kMostSentinels) {
        known_.push_back(JoinHostPort(ip, port));
      }
    }
    known_.push_back(answered);
  }

  asio::awaitable<void> Listen(Dialog dialog, const std::function<void()>& changed) {
    auto heard = co_await dialog->Ask({"SUBSCRIBE", "+switch-master"},
                                      SentinelNow() + kPatienceWithASentinel);
    while (heard && !cancelled_) {
      heard = co_await dialog->Next(SentinelNow() + kSilenceOfASentinel);
      if (heard && heard->items.size() == 3 && heard->items[2].text.starts_with(master_ + " ")) {
        changed();
      }
    }
  }

  asio::io_context& loop_;
  const std::shared_ptr<const EgressGuard> guard_;
  const RedisOptions options_;
  const std::string master_;
  std::string seed_;
  std::vector<std::string> known_;
  bool without_credentials_ = false;
  Dialog asking_, watching_;
  Waiter pause_;
  bool cancelled_ = false;
};

}  // namespace

std::shared_ptr<RedisTopology> MakeSentinelTopology(asio::io_context& loop,
                                                    std::shared_ptr<const EgressGuard> guard,
                                                    RedisOptions options, std::string master) {
  return std::make_shared<SentinelTopology>(loop, std::move(guard), std::move(options),
                                            std::move(master));
}

}  // namespace stoker::warming
