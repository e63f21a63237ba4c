#pragma once

// Manifests that tests of the programs share.

#include <string>

namespace stoker::testing {

inline std::string SamplePolicy(const std::string& origin = "http://127.0.0.1:1/v/{key}",
                                const std::string& redis = "127.0.0.1:1",
                                const std::string& more = {}) {
  return R"(apiVersion: stoker.dev/v1alpha1
kind: WarmingPolicy
metadata: {name: pages, namespace: shop}
spec:
  sources:
  - name: numbers
    pattern:
      template: "page:{id}"
      variables: [{name: id, from: 1, to: 200}]
  origins:
  - name: api
    http: {url: ")" +
         origin + R"("}
  targets:
  - name: cache
    redis: {address: ")" +
         redis + "\"" + more + R"(}
    write: {ttl: 1h}
  pacing: {requestsPerSecond: 2000, burst: 50, maxInFlight: 20}
)";
}

inline constexpr char kSampleSchedule[] = R"(apiVersion: stoker.dev/v1alpha1
kind: PrewarmSchedule
metadata: {name: mornings, namespace: shop}
spec:
  policyRef: {name: pages}
  schedules: ["0 7 * * *"]
  timeZone: Europe/Berlin
)";

inline constexpr char kSampleSecret[] = R"(apiVersion: v1
kind: Secret
metadata: {name: redis-auth, namespace: shop}
stringData: {password: s3cr3t-word}
)";

}  // namespace stoker::testing
