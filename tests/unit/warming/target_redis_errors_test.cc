#include <gtest/gtest.h>

#include "controller/warming/target/redis_errors.h"

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
           Case{"MOVED 3999 127.0.0.1:6381", "TargetRejected", false, true},
           Case{"CLUSTERDOWN The cluster is down", "TargetUnavailable", true, true},
           Case{"TRYAGAIN Multiple keys request during rehashing of slot", "TargetUnavailable",
                true, false},
           Case{"ERR max number of clients reached", "TargetUnavailable", true, true},
           Case{"ERR DB index is out of range", "TargetRejected", false, true},
           Case{"ERR something else", "TargetRejected", false, false},
       }) {
    const TargetError error = FromRedisReply("redis:6379", c.reply);
    EXPECT_EQ(error.reason, c.reason) << c.reply;
    EXPECT_EQ(error.retryable, c.retryable) << c.reply;
    EXPECT_EQ(error.whole_target, c.whole_target) << c.reply;
    EXPECT_EQ(error.message.rfind("redis:6379 answered \"", 0), 0U);
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
