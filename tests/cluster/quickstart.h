#pragma once

// examples/quickstart on the test cluster: its origin, its Redis and its policy, as a test asks
// about them.
//
// One at a time: the example's namespace has a fixed name. It goes, with all in it, at the end.
//
// Thread safety: one thread.

#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/cluster/kubectl.h"

namespace stoker::testing {

inline constexpr int kQuickstartEntries = 10'000;

class Quickstart {
 public:
  struct Arrival {
    double time;  // seconds since 1970, as the origin wrote it
    std::string path;
  };

  // Applies tests/cluster/FOLDER with the policy as `patch` (a JSON merge patch) changes it, and
  // waits until origin and Redis are ready.
  explicit Quickstart(const std::string& folder = "quickstart", const nlohmann::json& patch = {});
  ~Quickstart();
  Quickstart(const Quickstart&) = delete;
  Quickstart& operator=(const Quickstart&) = delete;

  // kubectl wait for condition Warm; false, and what the policy says, when it does not come.
  [[nodiscard]] ::testing::AssertionResult BecomesWarm(std::chrono::seconds timeout);
  [[nodiscard]] nlohmann::json Policy() const;
  // The Jobs of the policy, and the pods that Stoker's Jobs made.
  [[nodiscard]] nlohmann::json Jobs() const;
  [[nodiscard]] nlohmann::json WorkerPods() const;

  [[nodiscard]] std::string RedisCli(std::vector<std::string> args) const;
  [[nodiscard]] int RedisKeys() const;
  // The least and the greatest TTL of all keys, in seconds; -1 is a key without one.
  [[nodiscard]] std::pair<int, int> RedisTtls() const;
  // Every request that the origin answered, in order.
  [[nodiscard]] std::vector<Arrival> Arrivals() const;

  static constexpr char kNamespace[] = "quickstart";
};

}  // namespace stoker::testing
