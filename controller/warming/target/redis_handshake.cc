#include "controller/warming/target/redis_handshake.h"

#include <string>
#include <utility>
#include <vector>

#include "controller/warming/target/read_more.h"
#include "controller/warming/target/redis_errors.h"
#include "controller/warming/target/resp.h"
#include "controller/warming/target/target_errors.h"

namespace stoker::warming {
namespace {

enum class Step { kAuth, kSelect, kAsk, kPing };

std::vector<Step> WriteSteps(const RedisOptions& options, RespWriter out) {
  std::vector<Step> steps;
  if (!options.username.empty()) {
    out.Command({"AUTH", options.username, options.password});
    steps.push_back(Step::kAuth);
  } else if (!options.password.empty()) {
    out.Command({"AUTH", options.password});
    steps.push_back(Step::kAuth);
  }
  if (options.database != 0) {
    out.Command({"SELECT", std::to_string(options.database)});
    steps.push_back(Step::kSelect);
  }
  if (options.any_key) {
    out.Command({"EXISTS", "stoker"});
    steps.push_back(Step::kAsk);
  } else {
    out.Command({"PING"});
    steps.push_back(Step::kPing);
  }
  return steps;
}

std::optional<TargetError> Judge(Step step, const RespReply& reply, const RedisOptions& options,
                                 const std::string& where) {
  if (reply.type == RespReply::Type::kError) {
    // Only AUTH and SELECT must be allowed: the right to ask about this key is not needed later.
    if (step == Step::kAsk && reply.text.substr(0, 6) == "NOPERM") return std::nullopt;
    TargetError error = FromRedisReply(where, reply.text);
    if (step == Step::kAuth && error.reason == "TargetRejected") error.reason = "TargetAuth";
    error.whole_target = true;
    if (!options.password.empty() && reply.text.find(options.password) != std::string_view::npos) {
      error.message = where + " refused the connection's credentials or database";
    }
    return error;
  }
  const auto expected = step == Step::kAsk ? RespReply::Type::kInteger : RespReply::Type::kSimple;
  if (reply.type != expected) return NotRedis(where);
  return std::nullopt;
}

// A server that wants TLS answers plain text with an alert, or with nothing but the end.
bool IsTlsAlert(std::string_view bytes) { return bytes.starts_with("\x15\x03"); }

TargetError WantsTls(const std::string& where) {
  return {"TargetTLSMismatch", where + " speaks TLS there: set tls, or name its plain port", false,
          true};
}

}  // namespace

asio::awaitable<std::optional<TargetError>> ShakeHands(Stream& stream, ReceiveBuffer& received,
                                                       const RedisOptions& options) {
  const std::string where = options.endpoint.host + ":" + options.endpoint.port;
  SendBuffer out;
  const std::vector<Step> steps = WriteSteps(options, RespWriter(out));
  if (Status sent = co_await stream.WriteAll(out.view()); !sent) {
    co_return ConnectionLost(std::move(sent.error().message));
  }
  for (std::size_t done = 0; done < steps.size();) {
    RespReply reply;
    const ParseStatus status = NextReply(received, reply);
    if (status == ParseStatus::kBad) {
      co_return IsTlsAlert(received.text()) ? WantsTls(where) : NotRedis(where);
    }
    if (status == ParseStatus::kOk) {
      if (auto refused = Judge(steps[done++], reply, options, where)) co_return refused;
      continue;
    }
    auto more = co_await ReadMore(stream, received, where);
    if (more) continue;
    if (!options.endpoint.tls && done == 0 && received.text().empty()) {
      more.error().message += " before its first word; if it speaks TLS there, set tls";
    }
    co_return std::move(more.error());
  }
  co_return std::nullopt;
}

}  // namespace stoker::warming
