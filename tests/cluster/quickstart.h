#pragma once

// examples/quickstart on the test cluster: its origin, its Redis and its policy, as a test asks
// about them.
//
// One at a time: the example's namespace has a fixed name. Origin and Redis stay up for the next
// test of the same program; the policy and its runs go at the end of each.
//
// Thread safety: one thread.

#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/cluster/arrivals.h"
#include "tests/cluster/kubectl.h"

namespace stoker::testing {

inline constexpr int kQuickstartEntries = 10'000;

class Quickstart {
 public:
  // Applies tests/cluster/FOLDER with the policy as `patch` (a JSON merge patch) changes it, and
  // waits until origin and Redis are ready, the Redis empty.
  explicit Quickstart(const std::string& folder = "quickstart", const nlohmann::json& patch = {});
  ~Quickstart();
  Quickstart(const Quickstart&) = delete;
  Quickstart& operator=(const Quickstart&) = delete;

  // Starts the origin anew, with an empty log: the node keeps no more than 10 MiB of it.
  static void RenewOrigin();
  // Rolls the Redis out anew and waits until it is ready: another pod, and empty.
  void ReplaceRedis();

  // A patch: an origin that takes 20 ms for each request but a connection's first, and this pacing.
  static nlohmann::json Slow(int requests_per_second, int burst, int max_in_flight);

  // kubectl wait for condition Warm; false, and what the policy says, when it does not come.
  [[nodiscard]] ::testing::AssertionResult BecomesWarm(std::chrono::seconds timeout);
  // Waits until the Redis holds so many keys.
  [[nodiscard]] ::testing::AssertionResult Holds(int keys);
  [[nodiscard]] nlohmann::json Policy() const;
  // The Jobs of the policy, and the pods that Stoker's Jobs made.
  [[nodiscard]] nlohmann::json Jobs() const;
  [[nodiscard]] nlohmann::json WorkerPods() const;

  [[nodiscard]] std::string RedisCli(std::vector<std::string> args) const;
  [[nodiscard]] int RedisKeys() const;
  // The least and the greatest TTL of all keys, in seconds; -1 is a key without one.
  [[nodiscard]] std::pair<int, int> RedisTtls() const;
  // Every request that the origin answered since this was made, in order.
  [[nodiscard]] std::vector<Arrival> Arrivals() const;

  static constexpr char kNamespace[] = "quickstart";

 private:
  OriginTime made_;
  std::string redis_;  // the pod's address
};

// discovered = warmed + skipped + failed, and all entries were discovered.
void ExpectExactTally(const nlohmann::json& policy);

// True where the object's condition says so.
bool Is(const nlohmann::json& object, const std::string& condition);

// For test programs that use Quickstart.
class QuickstartTest : public ::testing::Test {
 protected:
  static void TearDownTestSuite() { Quickstart::RenewOrigin(); }
};

}  // namespace stoker::testing
