#include "controller/warming/target/redis_errors.h"

#include <array>
#include <string>

#include "controller/warming/target/target_errors.h"

namespace stoker::warming {
namespace {

struct Meaning {
  std::string_view prefix;
  std::string_view reason;
  bool retryable;
  bool whole_target;
  std::string_view mend;  // follows the server's words
};

// The first that fits wins, so the longer come first.
constexpr std::array kMeanings = {
    Meaning{"OOM", "TargetOutOfMemory", false, true, "raise maxmemory, or warm less"},
    Meaning{"READONLY", "TargetReadOnly", false, true,
            "name the primary, not a replica, in the target's address"},
    Meaning{"MISCONF", "TargetReadOnly", false, true,
            "the server refuses writes until it can save to disk"},
    Meaning{"LOADING", "TargetLoading", true, true, "it is still loading its data"},
    Meaning{"NOAUTH", "TargetAuth", false, true, "set credentialsSecretRef"},
    Meaning{"WRONGPASS", "TargetAuth", false, true,
            "check the user name and password in credentialsSecretRef"},
    Meaning{"NOPERM No permissions to access a key", "TargetAuth", false, false,
            "grant the user this key (~pattern)"},
    Meaning{"NOPERM this user has no permissions to access one of the keys", "TargetAuth", false,
            false, "grant the user this key (~pattern)"},
    Meaning{"NOPERM", "TargetAuth", false, true,
            "grant the user SET, GET, EXISTS and PTTL on these keys"},
    Meaning{"DENIED", "TargetAuth", false, true,
            "the server is in protected mode: give it a password, and name it in "
            "credentialsSecretRef"},
    Meaning{"ERR invalid password", "TargetAuth", false, true,
            "check the password in credentialsSecretRef"},
    Meaning{"ERR Client sent AUTH", "TargetAuth", false, true,
            "the server has no password: drop credentialsSecretRef"},
    Meaning{"ERR AUTH", "TargetAuth", false, true,
            "the server has no password: drop credentialsSecretRef"},
    Meaning{"ERR DB index", "TargetRejected", false, true, "choose a database that the server has"},
    Meaning{"ERR invalid DB index", "TargetRejected", false, true,
            "choose a database that the server has"},
    Meaning{"ERR max number of clients", "TargetUnavailable", true, true, "raise maxclients"},
    Meaning{"ERR string exceeds", "ValueTooLarge", false, false,
            "Redis takes values up to 512 MiB"},
    Meaning{"MOVED", "TargetRejected", false, true,
            "this is a Redis Cluster, and the target's mode is Standalone"},
    Meaning{"ASK ", "TargetRejected", false, true,
            "this is a Redis Cluster, and the target's mode is Standalone"},
    Meaning{"CLUSTERDOWN", "TargetUnavailable", true, true, "the cluster does not serve now"},
    Meaning{"MASTERDOWN", "TargetUnavailable", true, true, "its primary is down"},
    Meaning{"NOREPLICAS", "TargetUnavailable", true, true, "too few replicas are connected"},
    Meaning{"BUSY", "TargetUnavailable", true, true, "a script holds the server"},
    Meaning{"TRYAGAIN", "TargetUnavailable", true, false, "a slot is being moved"},
    Meaning{"UNBLOCKED", "TargetUnavailable", true, true, "the server changed its role"},
};

// Some errors echo the command, and with it a value or a password.
std::string_view WithoutArguments(std::string_view reply) {
  return reply.substr(0, reply.find(", with args"));
}

}  // namespace

TargetError FromRedisReply(std::string_view where, std::string_view reply) {
  TargetError error;
  error.reason = "TargetRejected";
  if (reply.starts_with("MOVED ") || reply.starts_with("ASK ")) error.redirect = reply;
  error.message = std::string(where) + " answered \"" + Quotable(WithoutArguments(reply)) + "\"";
  for (const Meaning& meaning : kMeanings) {
    if (reply.substr(0, meaning.prefix.size()) != meaning.prefix) continue;
    error.reason = meaning.reason;
    error.retryable = meaning.retryable;
    error.whole_target = meaning.whole_target;
    error.message.append(": ").append(meaning.mend);
    break;
  }
  return error;
}

TargetError NotRedis(std::string_view where) {
  return {"TargetRejected",
          std::string(where) + " does not speak the Redis protocol; is the address right?", false,
          true};
}

}  // namespace stoker::warming
