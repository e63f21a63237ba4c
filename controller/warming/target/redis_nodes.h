#pragma once

// Writes and questions on their way to the right one of several Redis nodes, while the nodes come,
// go and hand their slots to each other.
//
// A redirection is followed at once (MOVED also changes the map, ASK only this command), with the
// caller's key and value, which stay where they are until the command is done. A node that breaks
// off makes the layout be looked up anew; its commands fail with a retryable error that blames no
// entry, for as long as a fail-over may take, so that whoever tries again later meets the new
// primary. A node that lost its place in the layout is let go.
//
// Thread safety: one loop. Lifetime: shared by its own coroutines. Shutdown: Cancel() answers
// everything that waits before it returns.

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "controller/warming/net/waiting.h"
#include "controller/warming/target/node_questions.h"
#include "controller/warming/target/redis_pipeline.h"
#include "controller/warming/target/redis_topology.h"

namespace stoker::warming {

class RedisNodes : public std::enable_shared_from_this<RedisNodes> {
 public:
  using Answers = tl::expected<std::vector<Pipeline::Answer>, TargetError>;
  // Adds the questions about key i; `asking`: each must follow an ASKING.
  using Question = std::function<void(RedisPipeline&, std::size_t, bool asking)>;

  RedisNodes(asio::io_context& loop, std::shared_ptr<const EgressGuard> guard, RedisOptions options,
             std::shared_ptr<RedisTopology> topology);

  static asio::awaitable<tl::expected<void, TargetError>> Open(std::shared_ptr<RedisNodes> self,
                                                               SteadyTime deadline);
  [[nodiscard]] bool HasRoom() const;  // at every node
  static asio::awaitable<void> Writable(std::shared_ptr<RedisNodes> self);
  void Write(std::string_view key, std::string_view value, Millis ttl, bool if_absent,
             WriteDone done);
  // `each` answers a key, in order. The error of one key is the error of all.
  static asio::awaitable<Answers> Ask(std::shared_ptr<RedisNodes> self,
                                      std::vector<std::string_view> keys, std::size_t each,
                                      Question question, SteadyTime deadline);
  // The same, where each key fails alone: the first of its answers then has the error.
  static asio::awaitable<std::vector<Pipeline::Answer>> AskEach(std::shared_ptr<RedisNodes> self,
                                                                std::vector<std::string_view> keys,
                                                                std::size_t each, Question question,
                                                                SteadyTime deadline);
  // Of every primary. Waits for Open() to find them; an error: it has not, in time.
  static asio::awaitable<tl::expected<std::vector<Capacity>, TargetError>> Measure(
      std::shared_ptr<RedisNodes> self, SteadyTime deadline);
  void Cancel();

 private:
  static constexpr std::uint16_t kNobody = 0xffff;

  struct Node {
    std::string address, host;
    std::shared_ptr<RedisPipeline> pipeline;  // null: let go
    bool primary = false;                     // by the last layout
    std::optional<SteadyTime> trouble_since;
  };
  struct Sending {  // a write that is not done
    RedisNodes* nodes = nullptr;
    std::string_view key, value;
    Millis ttl{0};
    bool if_absent = false;
    WriteDone done;
    std::uint16_t node = kNobody;
    int redirects = 0;
  };

  [[nodiscard]] std::uint16_t NodeOf(std::string_view key) const;
  std::uint16_t NodeAt(const std::string& address);  // made when it is new; kNobody: no address
  void Send(Sending* sending, std::uint16_t node, bool asking);
  void Answered(Sending* sending, tl::expected<WriteOutcome, TargetError> result);
  bool Follow(Sending* sending, const std::string& redirect);
  void Done(Sending* sending, tl::expected<WriteOutcome, TargetError> result);
  // What a node's error means to the caller; looks the layout up anew where that may help.
  TargetError Judge(std::uint16_t node, TargetError error);
  [[nodiscard]] TargetError NobodyServes(std::string_view key) const;
  [[nodiscard]] TargetError NoPrimaryKnown() const;
  void LookSoon();
  static asio::awaitable<void> Look(std::shared_ptr<RedisNodes> self);
  void Adopt(const RedisLayout& layout);

  asio::io_context& loop_;
  const std::shared_ptr<const EgressGuard> guard_;
  const RedisOptions options_;
  const std::shared_ptr<RedisTopology> topology_;
  std::vector<Node> nodes_;           // never shrinks: places are numbers
  std::vector<std::uint16_t> slots_;  // place of each slot's primary
  bool cancelled_ = false;
  bool watching_ = false;
  bool looking_ = false;
  SteadyTime looked_{};
  Waiter look_pause_;
  Waiter layout_known_;
  std::vector<std::unique_ptr<Sending>> all_;
  std::vector<Sending*> free_;
};

}  // namespace stoker::warming
