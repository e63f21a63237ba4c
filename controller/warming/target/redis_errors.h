#pragma once

// What an error reply of Redis means for one entry and for the run.
//
// Thread safety: pure functions.

#include <string_view>

#include "controller/warming/target/target.h"

namespace stoker::warming {

// `reply` without its leading "-". `where` is "host:port". The sentence quotes the server at most
// 160 characters, and never what it echoes of a command's arguments.
TargetError FromRedisReply(std::string_view where, std::string_view reply);

TargetError NotRedis(std::string_view where);

}  // namespace stoker::warming
