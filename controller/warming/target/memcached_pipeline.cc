#include "controller/warming/target/memcached_pipeline.h"

#include <fmt/format.h>

#include <utility>

#include "controller/warming/target/read_more.h"
#include "controller/warming/target/target_errors.h"

namespace stoker::warming {
namespace {

constexpr std::size_t kMostStats = 64 << 10;

TargetError NotMemcached(std::string_view where) {
  return {"TargetRejected",
          fmt::format("{} does not speak memcached's meta protocol; is the address right, and the "
                      "server 1.6 or newer?",
                      where),
          false, true};
}

TargetError UnstorableKey(std::string_view where) {
  return {"KeyTooLong",
          fmt::format("{}: memcached takes keys up to {} bytes, with spaces or control characters "
                      "up to {}",
                      where, MetaKey::kMost, MetaKey::kMostBinary),
          false, false};
}

}  // namespace

TargetError FromMemcachedLine(std::string_view where, std::string_view line) {
  TargetError error;
  error.reason = "TargetRejected";
  error.message = fmt::format("{} answered \"{}\"", where, Quotable(line));
  if (line.starts_with("SERVER_ERROR object too large")) {
    error.reason = "ValueTooLarge";
    error.message += ": raise the server's item size (-I), or warm smaller values";
  } else if (line.starts_with("SERVER_ERROR out of memory")) {
    error.reason = "TargetOutOfMemory";
    error.whole_target = true;
    error.message += ": give the server more memory (-m), or warm less";
  } else if (line.starts_with("SERVER_ERROR")) {
    error.reason = "TargetUnavailable";
    error.retryable = true;
  } else if (line.starts_with("CLIENT_ERROR unauthenticated")) {
    error.reason = "TargetAuth";
    error.whole_target = true;
    error.message += ": servers that ask for a password are not supported";
  } else if (line == "ERROR") {
    return NotMemcached(where);
  }
  return error;
}

void MemcachedPipeline::Write(std::string_view key, std::string_view value, Millis ttl,
                              bool if_absent, WriteDone done) {
  if (cancelled_) return done(tl::make_unexpected(TargetCancelled(where_)));
  const MetaKey name(key);
  if (!name.valid()) return done(tl::make_unexpected(UnstorableKey(where_)));
  const std::int64_t expiry = ExpiryOf(
      ttl, std::chrono::time_point_cast<WallTime::duration>(std::chrono::system_clock::now()));
  MetaWriter(out_).Set(name, value, expiry, if_absent);
  const Expect expect = if_absent ? Expect::kWrittenOrPresent : Expect::kWritten;
  Sent(std::move(done), static_cast<std::uint8_t>(expect));
}

void MemcachedPipeline::Ask(std::string_view key, bool with_ttl, bool with_value) {
  if (cancelled_) return;
  const MetaKey name(key);
  if (name.valid()) {
    MetaWriter(out_).Get(name, with_ttl, with_value);
    return Asked(static_cast<std::uint8_t>(Expect::kAnswer));
  }
  MetaWriter(out_).Noop();
  Asked(static_cast<std::uint8_t>(Expect::kNothingThere));
}

void MemcachedPipeline::AskStats() {
  if (cancelled_) return;
  MetaWriter(out_).Stats();
  Asked(static_cast<std::uint8_t>(Expect::kStats));
}

bool MemcachedPipeline::TakeStat(const MetaReply& reply) {
  if (reply.type != MetaReply::Type::kStat) return false;
  stats_.append(reply.text).append("\n");
  return true;
}

asio::awaitable<std::optional<TargetError>> MemcachedPipeline::ShakeHands(Stream& stream) {
  stats_.clear();
  SendBuffer hello;
  MetaWriter(hello).Noop();
  if (Status sent = co_await stream.WriteAll(hello.view()); !sent) {
    co_return ConnectionLost(std::move(sent.error().message));
  }
  for (;;) {
    MetaReply reply;
    const ParseStatus status = NextMetaReply(received_, reply);
    if (status == ParseStatus::kOk && reply.type == MetaReply::Type::kNoop) co_return std::nullopt;
    if (status == ParseStatus::kOk && reply.type == MetaReply::Type::kError) {
      co_return FromMemcachedLine(where_, reply.text);
    }
    if (status != ParseStatus::kMore) co_return NotMemcached(where_);
    auto more = co_await ReadMore(stream, received_, where_);
    if (!more) co_return std::move(more.error());
  }
}

TargetError MemcachedPipeline::NotUnderstood() const { return NotMemcached(where_); }

ParseStatus MemcachedPipeline::TakeReply() {
  MetaReply reply;
  const ParseStatus status = NextMetaReply(received_, reply);
  if (status != ParseStatus::kOk) return status;
  if (pending_.empty()) return ParseStatus::kBad;
  if (static_cast<Expect>(pending_.front().expect) == Expect::kStats && TakeStat(reply)) {
    return stats_.size() <= kMostStats ? ParseStatus::kOk : ParseStatus::kBad;
  }
  const Pending command = TakePending();
  const auto expect = static_cast<Expect>(command.expect);
  if (command.done) {
    SettleWrite(command.done, expect, reply);
  } else {
    SettleBatch(ToAnswer(expect, reply));
    stats_.clear();
  }
  return ParseStatus::kOk;
}

void MemcachedPipeline::SettleWrite(const WriteDone& done, Expect expect,
                                    const MetaReply& reply) const {
  switch (reply.type) {
    case MetaReply::Type::kDone:
      return done(WriteOutcome::kWritten);
    case MetaReply::Type::kNotStored:
      if (expect == Expect::kWrittenOrPresent) return done(WriteOutcome::kPresent);
      break;
    case MetaReply::Type::kError:
      return done(tl::make_unexpected(FromMemcachedLine(where_, reply.text)));
    default:
      break;
  }
  done(tl::make_unexpected(NotMemcached(where_)));
}

Pipeline::Answer MemcachedPipeline::ToAnswer(Expect expect, const MetaReply& reply) const {
  using Type = MetaReply::Type;
  Answer answer;
  if (expect == Expect::kNothingThere && reply.type == Type::kNoop) return answer;
  if (expect == Expect::kStats && reply.type == Type::kEnd) {
    answer.present = true;
    answer.text = stats_;
    return answer;
  }
  answer.integer = reply.ttl;
  answer.present = reply.type == Type::kDone || reply.type == Type::kValue;
  if (reply.type == Type::kValue) answer.text = std::string(reply.text);
  if (reply.type == Type::kError) {
    answer.error = std::make_unique<TargetError>(FromMemcachedLine(where_, reply.text));
  } else if (!answer.present && reply.type != Type::kMiss) {
    answer.error = std::make_unique<TargetError>(NotMemcached(where_));
  }
  return answer;
}

}  // namespace stoker::warming
