#include "controller/warming/target/redis_pipeline.h"

#include <utility>

#include "controller/warming/target/redis_errors.h"
#include "controller/warming/target/redis_handshake.h"
#include "controller/warming/target/target_errors.h"

namespace stoker::warming {
namespace {

constexpr std::size_t kLargestText = std::size_t{512} << 20;  // the default of proto-max-bulk-len

PipelineOptions ToPipelineOptions(const RedisOptions& options) {
  return {options.endpoint, options.reply_timeout, options.max_pending_bytes,
          options.max_pending_commands, options.resolver};
}

}  // namespace

RedisPipeline::RedisPipeline(asio::io_context& loop, std::shared_ptr<const EgressGuard> guard,
                             RedisOptions options)
    : Pipeline(loop, std::move(guard), ToPipelineOptions(options)), options_(std::move(options)) {}

void RedisPipeline::Write(std::string_view key, std::string_view value, Millis ttl, bool if_absent,
                          WriteDone done) {
  if (cancelled_) return done(tl::make_unexpected(TargetCancelled(where_)));
  if (key.size() > kLargestText || value.size() > kLargestText) {
    return done(tl::make_unexpected(TargetError{
        "ValueTooLarge", where_ + ": Redis takes keys and values up to 512 MiB", false, false}));
  }
  RespWriter(out_).Set(key, value, ttl.count(), if_absent);
  const Expect expect = if_absent ? Expect::kWrittenOrPresent : Expect::kWritten;
  Sent(std::move(done), static_cast<std::uint8_t>(expect));
}

void RedisPipeline::Ask(std::initializer_list<std::string_view> command, Expect expect) {
  if (cancelled_) return;
  RespWriter(out_).Command(command);
  Asked(static_cast<std::uint8_t>(expect));
}

void RedisPipeline::Asking() {
  if (cancelled_) return;
  RespWriter(out_).Command({"ASKING"});
  Asked(static_cast<std::uint8_t>(Expect::kIgnored));
}

asio::awaitable<std::optional<TargetError>> RedisPipeline::ShakeHands(Stream& stream) {
  return warming::ShakeHands(stream, received_, options_);
}

TargetError RedisPipeline::NotUnderstood() const { return NotRedis(where_); }

ParseStatus RedisPipeline::TakeReply() {
  RespReply reply;
  const ParseStatus status = NextReply(received_, reply);
  if (status != ParseStatus::kOk) return status;
  if (pending_.empty() || reply.type == RespReply::Type::kArray) return ParseStatus::kBad;
  const Pending command = TakePending();
  const auto expect = static_cast<Expect>(command.expect);
  if (command.done) {
    SettleWrite(command.done, expect, reply);
  } else if (expect != Expect::kIgnored) {
    SettleBatch(ToAnswer(expect, reply));
  }
  return ParseStatus::kOk;
}

void RedisPipeline::SettleWrite(const WriteDone& done, Expect expect,
                                const RespReply& reply) const {
  switch (reply.type) {
    case RespReply::Type::kSimple:
      return done(WriteOutcome::kWritten);
    case RespReply::Type::kNil:
      if (expect == Expect::kWrittenOrPresent) return done(WriteOutcome::kPresent);
      break;
    case RespReply::Type::kError:
      return done(tl::make_unexpected(FromRedisReply(where_, reply.text)));
    default:
      break;
  }
  done(tl::make_unexpected(NotRedis(where_)));
}

Pipeline::Answer RedisPipeline::ToAnswer(Expect expect, const RespReply& reply) const {
  using Type = RespReply::Type;
  Answer answer;
  if (reply.type == Type::kError) {
    answer.present = reply.text.substr(0, 9) == "WRONGTYPE";  // GET met a list, a set...
    if (!answer.present) {
      answer.error = std::make_unique<TargetError>(FromRedisReply(where_, reply.text));
    }
  } else if (expect == Expect::kInteger && reply.type == Type::kInteger) {
    answer.integer = reply.integer;
    answer.present = true;
  } else if (expect == Expect::kText && reply.type == Type::kBulk) {
    answer.text = std::string(reply.text);
    answer.present = true;
  } else if (expect != Expect::kText || reply.type != Type::kNil) {
    answer.error = std::make_unique<TargetError>(NotRedis(where_));
  }
  return answer;
}

}  // namespace stoker::warming
