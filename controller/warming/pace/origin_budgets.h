#pragma once

// Runs of one namespace that ask the same origin from the same process: together never more than the
// strictest of them allows.
//
// Each run keeps its own bounds. But an origin does not care which policy a request is of: two
// policies that each promise 100 a second must not make 200 of it. So runs of one scope (a namespace)
// against one host and port have an account: while there are several, it has the smallest rate, burst
// and number of requests in flight of all of them, and every request takes from it as well. Who asks
// first goes first. Between namespaces nothing is shared, for a tenant could hold up another's runs
// with a policy of one request a second.
//
// Thread safety: any thread. Lifetime: a Member keeps its account alive; the run leaves by letting go of
// it.

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "controller/base/clock.h"
#include "controller/warming/pace/token_bucket.h"

namespace stoker::warming {

class OriginBudgets {
 public:
  struct Terms {
    std::int64_t per_second = 1, burst = 1;
    int in_flight = 1;
  };

 private:
  struct Account {
    std::mutex mutex;
    std::map<std::uint64_t, Terms> members;  // protected by mutex, as the next
    std::optional<TokenBucket> bucket;       // of all together; none: one is alone
    std::atomic<int> in_flight{0};           // of all
    std::atomic<int> most{0};                // of these; 0: one is alone
    void Agree(SteadyTime now);              // with mutex held
  };

 public:
  class Member {
   public:
    Member(std::shared_ptr<Account> account, std::uint64_t id, const Clock& clock)
        : account_(std::move(account)), id_(id), clock_(clock) {}
    ~Member();
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;

    // False: as many are out as may be. What it took is to be given back.
    [[nodiscard]] bool TakePlace();
    void GivePlace();
    // None: took a token; else when to ask again.
    std::optional<SteadyTime> TakeToken(SteadyTime now);

   private:
    const std::shared_ptr<Account> account_;
    const std::uint64_t id_;
    const Clock& clock_;
    std::atomic<int> out_{0};  // places that it took, and gives back at its end
  };

  // `origin`: whom the run asks, as scope and host:port.
  std::unique_ptr<Member> Join(const std::string& origin, Terms terms, const Clock& clock);

 private:
  std::mutex mutex_;
  std::uint64_t next_ = 0;                                  // protected by mutex_, as the next
  std::map<std::string, std::weak_ptr<Account>> accounts_;  // those without members are dropped
};

}  // namespace stoker::warming
