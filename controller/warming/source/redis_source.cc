#include "controller/warming/source/redis_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <optional>

#include "controller/warming/net/connect.h"
#include "controller/warming/net/waiting.h"
#include "controller/warming/pace/backoff.h"
#include "controller/warming/target/make_target.h"
#include "controller/warming/target/receive_buffer.h"
#include "controller/warming/target/redis_errors.h"
#include "controller/warming/target/redis_handshake.h"
#include "controller/warming/target/resp.h"
#include "controller/warming/target/send_buffer.h"

namespace stoker::warming {
namespace {

constexpr Millis kScanDeadline{10'000};         // of one exchange
constexpr std::size_t kKeysAtOnce = 256;        // asked about in one exchange
constexpr std::size_t kValuesAtOnce = 1 << 20;  // bytes, but one value at least
constexpr char kScanCount[] = "500";
constexpr std::size_t kMaxScanBytes = 64 << 20;  // of an answer to it
constexpr char kNoCursor[] = "0";                // before a walk, and after it
constexpr int kMostWalks = 8;

// "run_id:4f...\r\n" among other lines.
std::string RunIdIn(std::string_view info) {
  constexpr std::string_view kMark = "\nrun_id:";
  const std::size_t mark = info.find(kMark);
  if (mark == std::string_view::npos) return {};
  info.remove_prefix(mark + kMark.size());
  return std::string(info.substr(0, info.find_first_of("\r\n")));
}

class RedisSource final : public Source {
 public:
  RedisSource(RedisOptions options, std::string match, std::size_t columns, const SourceHost& host)
      : options_(std::move(options)),
        match_(std::move(match)),
        where_(options_.endpoint.host + ":" + options_.endpoint.port),
        columns_(columns),
        host_(host),
        connector_(*host.loop, host.egress, options_.resolver),
        deadline_(*host.loop,
                  [this] {
                    timed_out_ = true;
                    if (stream_) stream_->Close();
                  }),
        backoff_(*host.loop),
        jitter_(KeyHash(where_)) {}

  asio::awaitable<Result<bool>> Next(EntryChunk& chunk) override {
    for (int tries = 0;;) {
      const std::size_t before = chunk.entries.size();
      const Status read = co_await Read(chunk);
      if (read) co_return !keys_.empty() || !walked_;
      Disconnect();
      if (chunk.entries.size() > before) tries = 0;
      const bool may_pass =
          read.error().code == Code::kUnavailable || read.error().code == Code::kTimeout;
      if (cancelled_ || !may_pass || tries >= host_.retry.limit) co_return read.error();
      const Millis ceiling = BackoffCeiling(tries++, host_.retry.backoff, host_.retry.max_backoff);
      co_await backoff_.Wait(std::chrono::steady_clock::now() + jitter_.Below(ceiling));
    }
  }
  [[nodiscard]] Replay replay() const override { return Replay::kUnstable; }
  void Cancel() override {
    cancelled_ = true;
    connector_.Cancel();
    backoff_.Cancel();
    if (stream_) stream_->Close();
  }

 private:
  struct Found {  // a key that is worth a look
    std::string key;
    std::int64_t size = 0;
    std::int64_t ttl_ms = 0;
    EntryDefect defect = EntryDefect::kNone;
    bool gone = false;
  };
  using Take = std::function<Status(const RespReply&)>;

  void Disconnect() {
    deadline_.Clear();
    if (stream_) stream_->Close();
    stream_.reset();
    received_.Reset();
  }

  asio::awaitable<Status> Connect() {
    const SteadyTime until = std::chrono::steady_clock::now() + kScanDeadline;
    auto connected = co_await connector_.Connect(options_.endpoint, until);
    if (!connected) co_return Error(connected.error());
    stream_ = std::move(*connected);
    timed_out_ = false;
    deadline_.Set(until);
    const auto refused = co_await ShakeHands(*stream_, received_, options_);
    deadline_.Clear();
    if (timed_out_) co_return Error{Code::kTimeout, where_ + " did not answer in time"};
    if (refused) co_return FromTarget(*refused);
    co_return co_await Recognize();
  }

  // A cursor means something to the very process that gave it: another one, be it a replica behind
  // the same name, hashes keys another way. Where it is not known to be the same, the walk begins
  // again.
  asio::awaitable<Status> Recognize() {
    std::string process;
    RespWriter(out_).Command({"INFO", "server"});
    const Status asked = co_await Exchange(1, [&](const RespReply& reply) -> Status {
      if (reply.type == RespReply::Type::kBulk) process = RunIdIn(reply.text);
      return {};  // who may not ask does not know
    });
    if (!asked) co_return asked;
    const bool same = !process.empty() && process == process_;
    process_ = std::move(process);
    if (same || cursor_ == kNoCursor) co_return Status{};
    if (++walks_ > kMostWalks) co_return LostTooOften();
    cursor_ = kNoCursor;
    keys_.clear();
    co_return Status{};
  }

  [[nodiscard]] Error LostTooOften() const {
    const char* const cause =
        process_.empty() ? "a server that does not say who it is; let its user ask INFO"
                         : "another server; name one that stays up, not a Service over several";
    return {Code::kExhausted,
            fmt::format("{}: the walk began {} times, as each lost connection led to {}", where_,
                        kMostWalks, cause)};
  }

  // Fills the chunk, or ends the walk.
  asio::awaitable<Status> Read(EntryChunk& chunk) {
    if (!stream_) {
      const Status connected = co_await Connect();
      if (!connected) co_return connected;
    }
    while (!chunk.Full() && chunk.entries.empty() && (!keys_.empty() || !walked_)) {
      const Status done = keys_.empty() ? co_await Scan() : co_await Copy(chunk);
      if (!done) co_return done;
    }
    if (walked_ && keys_.empty()) Disconnect();
    co_return Status{};
  }

  // Sends what is in out_ and hands over the replies to `commands` commands, arrays member by
  // member.
  asio::awaitable<Status> Exchange(std::size_t commands, const Take& take) {
    deadline_.Set(std::chrono::steady_clock::now() + kScanDeadline);
    Status sent = co_await stream_->WriteAll(out_.view());
    out_.Clear();
    RespLimits limits;
    limits.max_bulk = static_cast<std::int64_t>(kMaxValueBytes);
    for (auto left = static_cast<std::int64_t>(commands); sent && left > 0;) {
      RespReply reply;
      const ParseStatus status = NextReply(received_, reply, limits);
      if (status == ParseStatus::kBad) co_return FromTarget(NotRedis(where_));
      if (status == ParseStatus::kOk) {
        left += (reply.type == RespReply::Type::kArray ? reply.integer : 0) - 1;
        sent = take(reply);
        continue;
      }
      const std::span<char> room = received_.Room();
      const auto got = co_await stream_->ReadSome(room.data(), room.size());
      if (timed_out_) co_return Error{Code::kTimeout, where_ + " did not answer in time"};
      if (!got) co_return got.error();
      if (*got == 0) co_return Unavailable(where_ + " closed the connection");
      received_.Added(*got);
      deadline_.Set(std::chrono::steady_clock::now() + kScanDeadline);
    }
    deadline_.Clear();
    if (timed_out_) co_return Error{Code::kTimeout, where_ + " did not answer in time"};
    co_return sent;
  }

  // A page of keys: an array of the next cursor and an array of keys.
  asio::awaitable<Status> Scan() {
    RespWriter(out_).Command({"SCAN", cursor_, "MATCH", match_, "COUNT", kScanCount});
    int bulks = 0;
    std::size_t bytes = 0;
    std::string cursor;
    std::deque<std::string> keys;
    const Status done = co_await Exchange(1, [&](const RespReply& reply) -> Status {
      if (reply.type == RespReply::Type::kError)
        return FromTarget(FromRedisReply(where_, reply.text));
      if (reply.type == RespReply::Type::kArray) return {};
      if (reply.type != RespReply::Type::kBulk) return FromTarget(NotRedis(where_));
      bytes += reply.text.size();
      if (bytes > kMaxScanBytes) {
        return Error{Code::kExhausted, fmt::format("{} answers SCAN with more than {} MiB of keys",
                                                   where_, kMaxScanBytes >> 20)};
      }
      if (bulks++ == 0) {
        cursor = reply.text;
      } else {
        keys.emplace_back(reply.text);
      }
      return {};
    });
    if (!done) co_return done;
    cursor_ = std::move(cursor);
    keys_ = std::move(keys);
    walked_ = cursor_ == kNoCursor;
    co_return Status{};
  }

  // Entries of the first keys; they leave keys_ when they are in the chunk.
  asio::awaitable<Status> Copy(EntryChunk& chunk) {
    std::vector<Found> found;
    const std::size_t count = std::min({keys_.size(), kKeysAtOnce, chunk.want_entries});
    for (std::size_t i = 0; i < count; ++i) found.emplace_back().key = keys_[i];
    const Status asked = co_await Ask(found);
    if (!asked) co_return asked;
    for (std::size_t i = 0; i < found.size() && !chunk.Full();) {
      std::size_t end = i;
      for (std::size_t bytes = 0; end < found.size() && (end == i || bytes < kValuesAtOnce); ++end)
        bytes += Wanted(found[end]) ? static_cast<std::size_t>(found[end].size) : 0;
      const Status got = co_await Get(found, i, end, chunk);
      if (!got) co_return got;
      i = end;
    }
    co_return Status{};
  }

  static bool Wanted(const Found& one) { return !one.gone && one.defect == EntryDefect::kNone; }

  asio::awaitable<Status> Ask(std::vector<Found>& found) {
    for (const Found& one : found) {
      RespWriter(out_).Command({"STRLEN", one.key});
      RespWriter(out_).Command({"PTTL", one.key});
    }
    std::size_t at = 0;
    co_return co_await Exchange(2 * found.size(), [&](const RespReply& reply) -> Status {
      Found& one = found[at / 2];
      const bool asks_size = at++ % 2 == 0;
      if (reply.type == RespReply::Type::kError) {
        if (!asks_size || !reply.text.starts_with("WRONGTYPE"))
          return FromTarget(FromRedisReply(where_, reply.text));
        one.defect = EntryDefect::kNotAString;
      } else if (reply.type != RespReply::Type::kInteger) {
        return FromTarget(NotRedis(where_));
      } else if (asks_size) {
        one.size = reply.integer;
        if (one.size > static_cast<std::int64_t>(kMaxValueBytes))
          one.defect = EntryDefect::kValueTooLarge;
      } else {
        one.ttl_ms = std::max<std::int64_t>(reply.integer, 0);  // -1: it does not expire
        one.gone = reply.integer == -2;
      }
      return {};
    });
  }

  asio::awaitable<Status> Get(const std::vector<Found>& found, std::size_t begin, std::size_t end,
                              EntryChunk& chunk) {
    std::vector<std::optional<std::string>> values(end - begin);
    std::vector<std::size_t> asked;
    for (std::size_t i = begin; i < end; ++i) {
      if (!Wanted(found[i])) continue;
      RespWriter(out_).Command({"GET", found[i].key});
      asked.push_back(i - begin);
    }
    std::size_t at = 0;
    const Status done = co_await Exchange(asked.size(), [&](const RespReply& reply) -> Status {
      auto& value = values[asked[at++]];
      if (reply.type == RespReply::Type::kBulk) value.emplace(reply.text);
      const bool changed_type =
          reply.type == RespReply::Type::kError && reply.text.starts_with("WRONGTYPE");
      if (reply.type == RespReply::Type::kError && !changed_type)
        return FromTarget(FromRedisReply(where_, reply.text));
      return {};
    });
    if (!done) co_return done;
    for (std::size_t i = begin; i < end; ++i) Append(found[i], values[i - begin], chunk);
    keys_.erase(keys_.begin(), keys_.begin() + static_cast<std::ptrdiff_t>(end - begin));
    co_return Status{};
  }

  // What has expired meanwhile is left out.
  void Append(const Found& one, const std::optional<std::string>& value, EntryChunk& chunk) const {
    if (one.gone || (one.defect == EntryDefect::kNone && !value)) return;
    Entry& entry = chunk.Append(one.key, 1);
    entry.ttl_ms = one.ttl_ms;
    entry.defect = one.defect;
    for (std::size_t i = 0; i < columns_; ++i) chunk.AppendColumn({});
    if (value) chunk.AppendValue(*value);
  }

  const RedisOptions options_;
  const std::string match_;
  const std::string where_;
  const std::size_t columns_;
  const SourceHost host_;
  Connector connector_;
  std::unique_ptr<Stream> stream_;
  ReceiveBuffer received_;
  SendBuffer out_;
  LazyDeadline deadline_;
  bool timed_out_ = false;
  bool cancelled_ = false;
  Waiter backoff_;
  Jitter jitter_;
  std::string process_;  // the server's run_id; empty: it does not say
  int walks_ = 1;
  std::string cursor_ = kNoCursor;
  bool walked_ = false;
  std::deque<std::string> keys_;
};

}  // namespace

Error FromTarget(const TargetError& error) {
  if (!error.redirect.empty()) return {Code::kConflict, error.message};
  return {error.retryable ? Code::kUnavailable : Code::kInvalid, error.message};
}

std::unique_ptr<Source> MakeRedisNodeSource(RedisOptions options, const std::string& match,
                                            std::size_t columns, const SourceHost& host) {
  return std::make_unique<RedisSource>(std::move(options), match, columns, host);
}

Result<std::unique_ptr<Source>> MakeRedisSource(const api::RedisSource& spec,
                                                const std::vector<std::string>& columns,
                                                const Materials& materials,
                                                const SourceHost& host) {
  if (host.loop == nullptr) return Invalid("address: cannot be read without a connection");
  STOKER_TRY(RedisOptions options, ToRedisOptions(spec.server, materials));
  const bool cluster = spec.server.mode == api::RedisTarget::Mode::kCluster;
  return (cluster ? MakeRedisClusterSource : MakeRedisNodeSource)(std::move(options), spec.match,
                                                                  columns.size(), host);
}

}  // namespace stoker::warming
