#include "controller/warming/target/redis_dialog.h"

#include <utility>

#include "controller/warming/target/read_more.h"
#include "controller/warming/target/redis_errors.h"
#include "controller/warming/target/redis_handshake.h"
#include "controller/warming/target/target_errors.h"

namespace stoker::warming {
namespace {

// CLUSTER SLOTS of a thousand nodes nests three deep and has some ten thousand items.
constexpr RespLimits kDialogLimits{16 << 10, 4 << 20, 1 << 16};
constexpr int kMostNested = 5;

}  // namespace

RedisDialog::RedisDialog(asio::io_context& loop, std::shared_ptr<const EgressGuard> guard,
                         RedisOptions options)
    : options_(std::move(options)),
      where_(options_.endpoint.host + ":" + options_.endpoint.port),
      connector_(loop, std::move(guard), options_.resolver),
      deadline_(loop, [this] {
        timed_out_ = true;
        if (stream_) stream_->Close();
      }) {}

void RedisDialog::Cancel() {
  cancelled_ = true;
  connector_.Cancel();
  deadline_.Stop();
  if (stream_) stream_->Close();
}

asio::awaitable<std::optional<TargetError>> RedisDialog::Connect(SteadyTime deadline) {
  ConnectResult connected = co_await connector_.Connect(options_.endpoint, deadline);
  if (!connected) co_return FromConnect(connected.error());
  stream_ = std::move(*connected);
  received_.Reset();
  deadline_.Set(deadline);
  const std::shared_ptr<Stream> stream = stream_;
  co_return co_await ShakeHands(*stream, received_, options_);
}

asio::awaitable<RedisDialog::Answer> RedisDialog::Ask(std::vector<std::string> command,
                                                      SteadyTime deadline) {
  if (cancelled_) co_return Ended(tl::make_unexpected(TargetCancelled(where_)));
  timed_out_ = false;
  if (!stream_) {
    auto refused = co_await Connect(deadline);
    if (refused) co_return Ended(tl::make_unexpected(std::move(*refused)));
  }
  const std::shared_ptr<Stream> stream = stream_;
  deadline_.Set(deadline);
  SendBuffer out;
  const std::vector<std::string_view> parts(command.begin(), command.end());
  RespWriter(out).Command(parts);
  const Status sent = co_await stream->WriteAll(out.view());
  if (!sent) co_return Ended(tl::make_unexpected(ConnectionLost(sent.error().message)));
  co_return Ended(co_await ReadValue(0));
}

asio::awaitable<RedisDialog::Answer> RedisDialog::Next(SteadyTime deadline) {
  if (!stream_ || cancelled_) {
    co_return Ended(tl::make_unexpected(ConnectionLost(where_ + " is not connected")));
  }
  timed_out_ = false;
  deadline_.Set(deadline);
  co_return Ended(co_await ReadValue(0));
}

RedisDialog::Answer RedisDialog::Ended(Answer answer) {
  deadline_.Clear();
  if (answer && answer->type == RespReply::Type::kError) {
    return tl::make_unexpected(FromRedisReply(where_, answer->text));
  }
  if (answer) return answer;
  if (stream_) stream_->Close();
  stream_ = nullptr;
  if (cancelled_) return tl::make_unexpected(TargetCancelled(where_));
  if (timed_out_) return tl::make_unexpected(NoAnswerInTime(where_));
  return answer;
}

asio::awaitable<RedisDialog::Answer> RedisDialog::ReadValue(int depth) {
  const std::shared_ptr<Stream> stream = stream_;
  RespReply reply;
  for (;;) {
    const ParseStatus status = NextReply(received_, reply, kDialogLimits);
    if (status == ParseStatus::kOk) break;
    if (status == ParseStatus::kBad) co_return tl::make_unexpected(NotRedis(where_));
    auto more = co_await ReadMore(*stream, received_, where_);
    if (!more) co_return tl::make_unexpected(std::move(more.error()));
  }
  RespValue value;
  value.type = reply.type;
  value.text = std::string(reply.text);
  value.integer = reply.integer;
  if (reply.type != RespReply::Type::kArray) co_return value;
  if (depth >= kMostNested) co_return tl::make_unexpected(NotRedis(where_));
  for (std::int64_t i = 0; i < value.integer; ++i) {
    Answer item = co_await ReadValue(depth + 1);
    if (!item) co_return item;
    value.items.push_back(std::move(*item));
  }
  co_return value;
}

}  // namespace stoker::warming
