#pragma once

// A connection to Redis for questions that are asked now and then, one at a time: where slots live,
// who is master, how much memory is used. It is dialled when it is needed.
//
// Thread safety: one loop; one question at a time. Lifetime: outlives its calls. Shutdown: Cancel()
// ends what waits.

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "controller/warming/net/waiting.h"
#include "controller/warming/target/redis_target.h"
#include "controller/warming/target/resp.h"

namespace stoker::warming {

struct RespValue {  // a reply with all that it contains
  RespReply::Type type = RespReply::Type::kNil;
  std::string text;
  std::int64_t integer = 0;
  std::vector<RespValue> items;
};

class RedisDialog {
 public:
  using Answer = tl::expected<RespValue, TargetError>;

  RedisDialog(asio::io_context& loop, std::shared_ptr<const EgressGuard> guard,
              RedisOptions options);

  // An error reply is an error, as FromRedisReply() sees it; after any other error the next
  // question dials anew.
  asio::awaitable<Answer> Ask(std::vector<std::string> command, SteadyTime deadline);
  // The next thing that the server says by itself.
  asio::awaitable<Answer> Next(SteadyTime deadline);
  void Cancel();
  [[nodiscard]] const std::string& where() const { return where_; }

 private:
  asio::awaitable<std::optional<TargetError>> Connect(SteadyTime deadline);
  asio::awaitable<Answer> ReadValue(int depth);
  Answer Ended(Answer answer);

  const RedisOptions options_;
  const std::string where_;
  Connector connector_;
  std::shared_ptr<Stream> stream_;
  ReceiveBuffer received_;
  LazyDeadline deadline_;
  bool cancelled_ = false;
  bool timed_out_ = false;
};

}  // namespace stoker::warming
