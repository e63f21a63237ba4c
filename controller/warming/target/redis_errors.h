#pragma once

// What an error reply of Redis means for one entry and for the run.
//
// Thread safety: pure functions.

#include <string>
#include <string_view>

#include "controller/warming/net/connect.h"
#include "controller/warming/target/target.h"

namespace stoker::warming {

// `reply` without its leading "-". `where` is "host:port". The sentence quotes the server at most
// 160 characters, and never what it echoes of a command's arguments.
TargetError FromRedisReply(std::string_view where, std::string_view reply);

TargetError FromConnect(const ConnectError& error);

// The connection broke; `message` says how.
TargetError ConnectionLost(std::string message);
TargetError NoAnswerInTime(std::string_view where);
TargetError NotRedis(std::string_view where);
TargetError TargetCancelled(std::string_view where);

}  // namespace stoker::warming
