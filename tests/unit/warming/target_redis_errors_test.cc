#include <gtest/gtest.h>

#include "controller/warming/target/redis_errors.h"
#include "controller/warming/target/target_errors.h"

namespace stoker::warming {
namespace {

struct Case {
  const char* reply;
  const char* reason;
  bool retryable;
  bool whole_target;
};

TEST(RedisErrors, EachPrefixHasItsOwnMeaning) {
  for (const Case& c : {
           Case{"OOM command not allowed when used memory > 'maxmemory'.", "TargetOutOfMemory",
                false, true},
           Case{"READONLY You can't write against a read only replica.", "TargetReadOnly", false,
                true},
           Case{"MISCONF Redis is configured to save RDB snapshots", "TargetReadOnly", false, true},
           Case{"LOADING Redis is loading the dataset in memory", "TargetLoading", true, true},
           Case{"NOAUTH Authentication required.", "TargetAuth", false, true},
           Case{"WRONGPASS invalid username-password pair or user is disabled.", "TargetAuth",
                false, true},
           Case{"NOPERM No permissions to access a key", "TargetAuth", false, false},
           Case{"NOPERM this user has no permissions to access one of the keys used as arguments",
                "TargetAuth", false, false},
           Case{"NOPERM this user has no permissions to run the 'set' command", "TargetAuth", false,
                true},
           Case{"ERR AUTH <password> called without any password configured", "TargetAuth", false,
                true},
           Case{"ERR Client sent AUTH, but no password is set", "TargetAuth", false, true},
           Case{"ERR invalid password", "TargetAuth", false, true},
           Case{"DENIED Redis is running in protected mode", "TargetAuth", false, true},
           Case{"MOVED 3999 127.0.0.1:6381", "TargetRejected", false, true},
           Case{"ASK 3999 127.0.0.1:6381", "TargetRejected", false, true},
           Case{"ASKED for nothing", "TargetRejected", false, false},
           Case{"CROSSSLOT Keys in request don't hash to the same slot", "TargetRejected", false,
                false},
           Case{"CLUSTERDOWN The cluster is down", "TargetUnavailable", true, true},
           Case{"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
                "TargetUnavailable", true, true},
           Case{"NOREPLICAS Not enough good replicas to write.", "TargetUnavailable", true, true},
           Case{"BUSY Redis is busy running a script.", "TargetUnavailable", true, true},
           Case{"UNBLOCKED force unblock from blocking operation, instance state changed",
                "TargetUnavailable", true, true},
           Case{"TRYAGAIN Multiple keys request during rehashing of slot", "TargetUnavailable",
                true, false},
           Case{"ERR max number of clients reached", "TargetUnavailable", true, true},
           Case{"ERR DB index is out of range", "TargetRejected", false, true},
           Case{"ERR invalid DB index", "TargetRejected", false, true},
           Case{"ERR string exceeds maximum allowed size (proto-max-bulk-len)", "ValueTooLarge",
                false, false},
           Case{"WRONGTYPE Operation against a key holding the wrong kind of value",
                "TargetRejected", false, false},
           Case{"ERR something else", "TargetRejected", false, false},
       }) {
    const TargetError error = FromRedisReply("redis:6379", c.reply);
    EXPECT_EQ(error.reason, c.reason) << c.reply;
    EXPECT_EQ(error.retryable, c.retryable) << c.reply;
    EXPECT_EQ(error.whole_target, c.whole_target) << c.reply;
    EXPECT_EQ(error.message.rfind("redis:6379 answered \"", 0), 0U);
  }
}

TEST(RedisErrors, ARedirectionIsKeptForWhoCanFollowIt) {
  for (const char* reply : {"MOVED 3999 10.0.0.3:6379", "ASK 3999 10.0.0.3:6379"}) {
    const TargetError error = FromRedisReply("redis:6379", reply);
    EXPECT_EQ(error.redirect, reply);
    EXPECT_NE(error.message.find("the target's mode is Standalone"), std::string::npos);
  }
  EXPECT_EQ(FromRedisReply("redis:6379", "ASKED for nothing").redirect, "");
}

TEST(TargetErrors, StandingIsWhatNeitherTimeNorAnotherEntryMends) {
  EXPECT_TRUE(FromRedisReply("r:1", "OOM command not allowed").standing());
  EXPECT_TRUE(FromRedisReply("r:1", "WRONGPASS invalid").standing());
  EXPECT_TRUE(NotRedis("r:1").standing());
  EXPECT_FALSE(FromRedisReply("r:1", "LOADING Redis is loading").standing());
  EXPECT_FALSE(FromRedisReply("r:1", "NOPERM No permissions to access a key").standing());
  EXPECT_FALSE(FromRedisReply("r:1", "TRYAGAIN Multiple keys").standing());
  EXPECT_FALSE(ConnectionLost("r:1 closed the connection").standing());
  EXPECT_FALSE(NoAnswerInTime("r:1").standing());
}

TEST(TargetErrors, WhatStandsInTheWayOfAConnection) {
  using Reason = ConnectError::Reason;
  struct ConnectCase {
    Reason reason;
    Code code;
    const char* meaning;
    bool standing;
  };
  for (const ConnectCase& c : {
           ConnectCase{Reason::kRefused, Code::kUnavailable, "TargetUnavailable", false},
           ConnectCase{Reason::kUnknownHost, Code::kUnavailable, "TargetUnavailable", false},
           ConnectCase{Reason::kTimeout, Code::kTimeout, "TargetTimeout", false},
           ConnectCase{Reason::kTls, Code::kUnavailable, "TargetUnavailable", false},
           ConnectCase{Reason::kTlsNotTrusted, Code::kUnavailable, "TargetTLSNotTrusted", true},
           ConnectCase{Reason::kNotTls, Code::kInvalid, "TargetTLSMismatch", true},
           ConnectCase{Reason::kEgressRefused, Code::kPermission, "EgressRefused", true},
       }) {
    const TargetError error = FromConnect({c.reason, c.code, "why"});
    EXPECT_EQ(error.reason, c.meaning);
    EXPECT_EQ(error.standing(), c.standing) << c.meaning;
    EXPECT_TRUE(error.whole_target) << c.meaning;
  }
}

TEST(RedisErrors, EchoedArgumentsAreNotRepeated) {
  const TargetError error =
      FromRedisReply("r:1", "ERR unknown command 'AUTH', with args beginning with: 'hunter2' ");
  EXPECT_EQ(error.message.find("hunter2"), std::string::npos);
  EXPECT_LT(FromRedisReply("r:1", "ERR " + std::string(5000, 'x')).message.size(), 300U);
}

}  // namespace
}  // namespace stoker::warming
