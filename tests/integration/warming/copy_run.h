#pragma once

// What the tests of sources that bring their values share: a policy without an origin, and the Redis
// that it fills.
//
// Thread safety: one thread.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "tests/integration/warming/run_bench.h"
#include "tests/support/redis_server.h"

namespace stoker::warming::testing {

class CopyRun : public ::testing::Test {
 protected:
  // Its one source is yet to be described.
  [[nodiscard]] RunSpec Spec() const {
    RunSpec spec = ItemRun(1, "http://nobody.invalid/{key}", to_.address());
    spec.policy.origins.clear();
    spec.policy.sources[0].pattern.reset();
    return spec;
  }
  // A run that cannot be made reports why, too.
  [[nodiscard]] Report RunToEnd(const RunSpec& spec, RunOptions options = {}) const {
    auto ended = TryRun(spec, secrets_, std::move(options));
    if (ended) return std::move(*ended);
    Report report;
    report.message = ended.error().message;
    return report;
  }

  stoker::testing::RedisServer to_;
  std::shared_ptr<SomeSecrets> secrets_ = std::make_shared<SomeSecrets>();
};

}  // namespace stoker::warming::testing
