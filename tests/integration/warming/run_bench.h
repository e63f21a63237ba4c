#pragma once

// What the tests of whole runs share: Secrets by name, and a policy between two real servers.
//
// Thread safety: one thread.

#include <gtest/gtest.h>

#include <map>
#include <memory>
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

// From its start to its end; an Error: it could not be made.
inline Result<Report> TryRun(const RunSpec& spec, std::shared_ptr<const Materials> materials,
                             RunOptions options = {}) {
  STOKER_TRY(const auto run, warming::Run::Create(spec, std::move(materials), std::move(options)));
  run->Start();
  return run->Wait();
}
// Of a run that can be made, or the test fails.
inline Report RunToEnd(const RunSpec& spec, std::shared_ptr<const Materials> materials =
                                                std::make_shared<SomeSecrets>()) {
  auto report = TryRun(spec, std::move(materials));
  if (report) return std::move(*report);
  ADD_FAILURE() << report.error().message;
  return {};
}

}  // namespace stoker::warming::testing
