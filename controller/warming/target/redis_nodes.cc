#include "controller/warming/target/redis_nodes.h"

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <utility>

#include "controller/warming/target/redis_questions.h"
#include "controller/warming/target/redis_slot.h"
#include "controller/warming/target/target_errors.h"

namespace stoker::warming {
namespace {

constexpr int kMostRedirects = 16;
constexpr Millis kBetweenLooks{100};
constexpr Millis kLookPatience{5'000};
constexpr std::chrono::seconds kFailOverPatience{60};  // then entries are told to fail
constexpr std::size_t kMostNodes = 4096;

SteadyTime NodesNow() { return std::chrono::steady_clock::now(); }

bool IsPassing(const TargetError& error) {
  return error.reason == "TargetUnavailable" || error.reason == "TargetTimeout" ||
         error.reason == "TargetLoading" || error.reason == "TargetReadOnly" ||
         error.reason == "Cancelled";
}

}  // namespace

RedisNodes::RedisNodes(asio::io_context& loop, std::shared_ptr<const EgressGuard> guard,
                       RedisOptions options, std::shared_ptr<RedisTopology> topology)
    : loop_(loop),
      guard_(std::move(guard)),
      options_(std::move(options)),
      topology_(std::move(topology)),
      slots_(kRedisSlots, kNobody),
      look_pause_(loop),
      layout_known_(loop) {}

asio::awaitable<tl::expected<void, TargetError>> RedisNodes::Open(std::shared_ptr<RedisNodes> self,
                                                                  SteadyTime deadline) {
  self->looking_ = true;
  const auto layout = co_await self->topology_->Find(deadline);
  self->looking_ = false;
  if (!layout) co_return tl::make_unexpected(layout.error());
  self->Adopt(*layout);
  if (!self->watching_ && !self->cancelled_) {
    self->watching_ = true;
    asio::co_spawn(self->loop_, self->topology_->Watch([weak = self->weak_from_this()] {
      if (const auto nodes = weak.lock()) nodes->LookSoon();
    }),
                   [topology = self->topology_](const std::exception_ptr&) {});
  }
  for (std::size_t n = 0; n < self->nodes_.size(); ++n) {
    if (!self->nodes_[n].primary) continue;
    auto opened = co_await Pipeline::Open(self->nodes_[n].pipeline, deadline);
    if (!opened)
      co_return tl::make_unexpected(
          self->Judge(static_cast<std::uint16_t>(n), std::move(opened.error())));
  }
  co_return tl::expected<void, TargetError>();
}

bool RedisNodes::HasRoom() const {
  return std::ranges::all_of(
      nodes_, [](const auto& node) { return !node.pipeline || node.pipeline->HasRoom(); });
}

asio::awaitable<void> RedisNodes::Writable(std::shared_ptr<RedisNodes> self) {
  for (std::size_t n = 0; n < self->nodes_.size(); ++n) {
    const std::shared_ptr<RedisPipeline> node = self->nodes_[n].pipeline;
    if (node && !node->HasRoom()) co_await Pipeline::Writable(node);
  }
}

void RedisNodes::Cancel() {
  cancelled_ = true;
  topology_->Cancel();
  look_pause_.Cancel();
  layout_known_.Cancel();
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    if (const auto node = nodes_[n].pipeline) node->Cancel();
  }
}

// ---- Where a key lives ----

std::uint16_t RedisNodes::NodeOf(std::string_view key) const {
  return slots_[topology_->by_slot() ? SlotOf(key) : 0];
}

std::uint16_t RedisNodes::NodeAt(const std::string& address) {
  std::size_t place = 0;
  while (place < nodes_.size() && nodes_[place].address != address) ++place;
  if (place < nodes_.size() && nodes_[place].pipeline) return static_cast<std::uint16_t>(place);
  const auto endpoint = ParseHostPort(address);
  if (!endpoint || place >= kMostNodes) return kNobody;
  RedisOptions options = options_;
  options.endpoint.host = endpoint->host;
  options.endpoint.port = endpoint->port;
  options.any_key = !topology_->by_slot();
  if (place == nodes_.size()) nodes_.push_back({address, endpoint->host, nullptr, false, {}});
  nodes_[place].pipeline = std::make_shared<RedisPipeline>(loop_, guard_, std::move(options));
  nodes_[place].trouble_since.reset();
  return static_cast<std::uint16_t>(place);
}

void RedisNodes::Adopt(const RedisLayout& layout) {
  if (cancelled_) return;
  std::vector<bool> primary(nodes_.size(), false);
  std::fill(slots_.begin(), slots_.end(), kNobody);
  for (const RedisLayout::Range& range : layout.ranges) {
    const std::uint16_t node = NodeAt(range.address);
    primary.resize(nodes_.size(), false);
    if (node == kNobody) continue;
    primary[node] = true;
    for (std::uint32_t slot = range.first; slot <= range.last; ++slot) slots_[slot] = node;
  }
  std::vector<std::shared_ptr<RedisPipeline>> let_go;
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    if (nodes_[n].primary && !primary[n]) let_go.push_back(std::move(nodes_[n].pipeline));
    nodes_[n].primary = primary[n];
  }
  layout_known_.Finish();
  for (const auto& node : let_go) node->Cancel();  // what it owes comes to Answered()
}

void RedisNodes::LookSoon() {
  if (looking_ || cancelled_) return;
  looking_ = true;
  asio::co_spawn(loop_, Look(shared_from_this()), asio::detached);
}

asio::awaitable<void> RedisNodes::Look(std::shared_ptr<RedisNodes> self) {
  co_await self->look_pause_.Wait(self->looked_ + kBetweenLooks);
  const auto layout = co_await self->topology_->Find(NodesNow() + kLookPatience);
  self->looked_ = NodesNow();
  self->looking_ = false;
  if (layout) self->Adopt(*layout);
}

// ---- Writing ----

void RedisNodes::Write(std::string_view key, std::string_view value, Millis ttl, bool if_absent,
                       WriteDone done) {
  const std::uint16_t node = NodeOf(key);
  if (cancelled_) return done(tl::make_unexpected(TargetCancelled("the target")));
  if (node == kNobody) {
    LookSoon();
    return done(tl::make_unexpected(NobodyServes(key)));
  }
  if (free_.empty()) {
    all_.push_back(std::make_unique<Sending>());
    free_.push_back(all_.back().get());
  }
  Sending* const sending = free_.back();
  free_.pop_back();
  *sending = {this, key, value, ttl, if_absent, std::move(done), node, 0};
  Send(sending, node, false);
}

void RedisNodes::Send(Sending* sending, std::uint16_t node, bool asking) {
  sending->node = node;
  // Kept: the answer may come within the call, and let the node go.
  const std::shared_ptr<RedisPipeline> pipeline = nodes_[node].pipeline;
  if (!pipeline) {
    return Answered(sending, tl::make_unexpected(TargetCancelled(nodes_[node].address)));
  }
  if (asking) pipeline->Asking();
  pipeline->Write(sending->key, sending->value, sending->ttl, sending->if_absent,
                  [sending](tl::expected<WriteOutcome, TargetError> result) {
                    sending->nodes->Answered(sending, std::move(result));
                  });
}

void RedisNodes::Answered(Sending* sending, tl::expected<WriteOutcome, TargetError> result) {
  if (result) {
    nodes_[sending->node].trouble_since.reset();
  } else if (!cancelled_) {
    if (!result.error().redirect.empty() && Follow(sending, result.error().redirect)) return;
    result = tl::make_unexpected(Judge(sending->node, std::move(result.error())));
  }
  Done(sending, std::move(result));
}

void RedisNodes::Done(Sending* sending, tl::expected<WriteOutcome, TargetError> result) {
  const WriteDone done = std::move(sending->done);
  free_.push_back(sending);
  done(std::move(result));
}

bool RedisNodes::Follow(Sending* sending, const std::string& text) {
  const auto redirect = ParseRedirect(text, nodes_[sending->node].host);
  if (!redirect || ++sending->redirects > kMostRedirects) return false;
  const std::uint16_t node = NodeAt(redirect->address);
  if (node == kNobody) return false;
  if (!redirect->ask) {
    slots_[redirect->slot] = node;
    LookSoon();  // seldom is one slot moved alone
  }
  Send(sending, node, redirect->ask);
  return true;
}

TargetError RedisNodes::NobodyServes(std::string_view key) const {
  TargetError error{"TargetUnavailable", "", true, true};
  error.message = "no node of the cluster serves slot " + std::to_string(SlotOf(key));
  error.node_down = true;
  return error;
}

TargetError RedisNodes::NoPrimaryKnown() const {
  const std::string where = JoinHostPort(options_.endpoint.host, options_.endpoint.port);
  return {"TargetUnavailable", where + " has not told yet where the primaries are", true, true};
}

TargetError RedisNodes::Judge(std::uint16_t place, TargetError error) {
  Node& node = nodes_[place];
  if (!error.redirect.empty()) {
    LookSoon();
    error.reason = "TargetUnavailable";
    error.message =
        node.address + " sends elsewhere, again and again: the cluster's nodes disagree";
    error.retryable = error.whole_target = true;
  }
  if (cancelled_ || !IsPassing(error)) return error;
  if (error.reason == "Cancelled") error.message = node.address + " is not the primary any more";
  if (error.reason == "Cancelled" || error.reason == "TargetReadOnly") {
    error.reason = "TargetUnavailable";
  }
  LookSoon();
  const SteadyTime now = NodesNow();
  if (!node.trouble_since) node.trouble_since = now;
  error.retryable = error.whole_target = true;
  error.node_down = now - *node.trouble_since < kFailOverPatience;
  return error;
}

// ---- Asking ----

asio::awaitable<RedisNodes::Answers> RedisNodes::Ask(std::shared_ptr<RedisNodes> self,
                                                     std::vector<std::string_view> keys,
                                                     std::size_t each, Question question,
                                                     SteadyTime deadline) {
  auto answers =
      co_await AskEach(std::move(self), std::move(keys), each, std::move(question), deadline);
  for (const Pipeline::Answer& answer : answers) {
    if (answer.error) co_return tl::make_unexpected(std::move(*answer.error));
  }
  co_return answers;
}

asio::awaitable<std::vector<Pipeline::Answer>> RedisNodes::AskEach(
    std::shared_ptr<RedisNodes> self, std::vector<std::string_view> keys, std::size_t each,
    Question question, SteadyTime deadline) {
  struct Open {
    std::size_t key;
    std::uint16_t node;
    bool asking;
  };
  std::vector<Open> open;
  for (std::size_t i = 0; i < keys.size(); ++i) open.push_back({i, self->NodeOf(keys[i]), false});
  std::vector<Pipeline::Answer> answers(keys.size() * each);
  const auto fail = [&](const Open& one, TargetError error) {
    answers[one.key * each].error = std::make_unique<TargetError>(std::move(error));
  };
  for (int round = 0; !open.empty(); ++round) {
    std::erase_if(open, [&](const Open& one) {
      if (one.node != kNobody && self->nodes_[one.node].pipeline) return false;
      self->LookSoon();
      fail(one, self->NobodyServes(keys[one.key]));
      return true;
    });
    std::vector<std::shared_ptr<Pipeline>> pipelines;
    for (const Open& one : open) pipelines.push_back(self->nodes_[one.node].pipeline);
    auto asked = co_await AskNodes(
        std::move(pipelines), each,
        [&](Pipeline& node, std::size_t i) {
          question(static_cast<RedisPipeline&>(node), open[i].key, open[i].asking);
        },
        deadline);
    std::vector<Open> again;
    for (std::size_t i = 0; i < open.size(); ++i) {
      const auto first = asked.begin() + static_cast<std::ptrdiff_t>(i * each);
      const auto failed =
          std::find_if(first, first + static_cast<std::ptrdiff_t>(each),
                       [](const Pipeline::Answer& answer) { return answer.error != nullptr; });
      if (failed == first + static_cast<std::ptrdiff_t>(each)) {
        self->nodes_[open[i].node].trouble_since.reset();
        std::move(first, failed, answers.begin() + static_cast<std::ptrdiff_t>(open[i].key * each));
        continue;
      }
      const auto redirect = ParseRedirect(failed->error->redirect, self->nodes_[open[i].node].host);
      const std::uint16_t node =
          redirect && round < kMostRedirects ? self->NodeAt(redirect->address) : kNobody;
      if (node == kNobody) {
        fail(open[i], self->Judge(open[i].node, std::move(*failed->error)));
        continue;
      }
      if (!redirect->ask) {
        self->slots_[redirect->slot] = node;
        self->LookSoon();
      }
      again.push_back({open[i].key, node, redirect->ask});
    }
    open = std::move(again);
  }
  co_return answers;
}

asio::awaitable<tl::expected<std::vector<Capacity>, TargetError>> RedisNodes::Measure(
    std::shared_ptr<RedisNodes> self, SteadyTime deadline) {
  co_await self->layout_known_.Wait(deadline);  // Open() is at it
  if (self->cancelled_) co_return tl::make_unexpected(TargetCancelled("the target"));
  std::vector<std::uint16_t> primaries;
  std::vector<std::shared_ptr<Pipeline>> pipelines;
  for (std::size_t n = 0; n < self->nodes_.size(); ++n) {
    if (!self->nodes_[n].primary) continue;
    primaries.push_back(static_cast<std::uint16_t>(n));
    pipelines.push_back(self->nodes_[n].pipeline);
  }
  if (primaries.empty()) {
    if (self->layout_known_.finished()) self->LookSoon();
    co_return tl::make_unexpected(self->NoPrimaryKnown());
  }
  auto answers = co_await AskNodes(
      pipelines, 2,
      [](Pipeline& node, std::size_t) { AskCapacity(static_cast<RedisPipeline&>(node)); },
      deadline);
  std::vector<Capacity> capacities;
  for (std::size_t i = 0; i < primaries.size(); ++i) {
    auto capacity =
        ToCapacity(self->nodes_[primaries[i]].address, answers[2 * i], answers[2 * i + 1]);
    if (!capacity) {
      co_return tl::make_unexpected(self->Judge(primaries[i], std::move(capacity.error())));
    }
    capacities.push_back(std::move(*capacity));
  }
  co_return capacities;
}

}  // namespace stoker::warming
