#pragma once

// What the tests of whole runs share: Secrets by name, and a policy between two real servers.
//
// Thread safety: one thread.

#include <map>
#include <string>
#include <utility>

#include "controller/warming/run/run.h"

namespace stoker::warming::testing {

class SomeSecrets final : public Materials {
 public:
  std::map<std::string, std::map<std::string, std::string>> secrets;
  [[nodiscard]] Result<std::map<std::string, std::string>> Secret(
      const std::string& name) const override {
    const auto at = secrets.find(name);
    if (at == secrets.end()) return NotFound("Secret \"" + name + "\" does not exist");
    return at->second;
  }
  [[nodiscard]] Result<std::map<std::string, std::string>> ConfigMap(
      const std::string& name) const override {
    return NotFound("ConfigMap \"" + name + "\" does not exist");
  }
};

// "item:1".."item:<count>" from `url` into the Redis at `redis`, as fast as it goes.
inline RunSpec ItemRun(std::int64_t count, const std::string& url, const std::string& redis) {
  RunSpec spec;
  spec.id = "run-1";
  spec.plan_hash = "plan-1";
  api::Source source;
  source.name = "items";
  api::PatternVariable id;
  id.name = "id";
  id.from = 1;
  id.to = count;
  source.pattern = api::PatternSource{"item:{id}", {id}};
  spec.policy.sources = {source};
  api::Origin origin;
  origin.name = "nginx";
  origin.http.emplace().url = url;
  spec.policy.origins = {origin};
  api::Target target;
  target.name = "redis";
  target.redis.emplace().address = redis;
  target.write.ttl = std::chrono::hours(1);
  target.write.ttl_jitter_percent = 10;
  spec.policy.targets = {target};
  spec.policy.pacing = {1'000'000, 1'000'000, 32};
  spec.policy.retry = {3, Millis(10), Millis(100)};
  spec.policy.execution.deadline = std::chrono::seconds(60);
  return spec;
}

}  // namespace stoker::warming::testing
