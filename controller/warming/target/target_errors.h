#pragma once

// What goes wrong with the connection to a target, whatever is spoken over it.
//
// Thread safety: pure functions.

#include <string>
#include <string_view>

#include "controller/warming/net/connect.h"
#include "controller/warming/target/target.h"

namespace stoker::warming {

TargetError FromConnect(const ConnectError& error);

// The connection broke; `message` says how.
TargetError ConnectionLost(std::string message);
TargetError NoAnswerInTime(std::string_view where);
TargetError TargetCancelled(std::string_view where);
// A server that keeps to itself how much it holds, `how`, cannot be kept from evicting.
TargetError TellsNoCapacity(std::string_view where, std::string_view how);

// What a server said, short and on one line, as a sentence may quote it.
std::string Quotable(std::string_view reply);

}  // namespace stoker::warming
