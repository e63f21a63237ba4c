#pragma once

// Names a kind of object at the API server, and builds its paths.
//
//   kPods.Path("shop", "web-0", "status")  ->  /api/v1/namespaces/shop/pods/web-0/status
//
// Thread safety: plain constants.

#include <string>
#include <string_view>

namespace stoker::kube {

struct Resource {
  std::string_view group;  // "" for core
  std::string_view version;
  std::string_view plural;
  std::string_view kind;
  bool namespaced = true;

  [[nodiscard]] std::string ApiVersion() const;
  // The collection when `name` is empty; all namespaces when `ns` is empty.
  [[nodiscard]] std::string Path(std::string_view ns, std::string_view name = {},
                                 std::string_view subresource = {}) const;
};

inline constexpr Resource kWarmingPolicies{"stoker.dev", "v1alpha1", "warmingpolicies",
                                           "WarmingPolicy"};
inline constexpr Resource kPrewarmSchedules{"stoker.dev", "v1alpha1", "prewarmschedules",
                                            "PrewarmSchedule"};
inline constexpr Resource kJobs{"batch", "v1", "jobs", "Job"};
inline constexpr Resource kPods{"", "v1", "pods", "Pod"};
inline constexpr Resource kConfigMaps{"", "v1", "configmaps", "ConfigMap"};
inline constexpr Resource kSecrets{"", "v1", "secrets", "Secret"};
inline constexpr Resource kNamespaces{"", "v1", "namespaces", "Namespace", false};
inline constexpr Resource kLeases{"coordination.k8s.io", "v1", "leases", "Lease"};
inline constexpr Resource kEvents{"events.k8s.io", "v1", "events", "Event"};

}  // namespace stoker::kube
