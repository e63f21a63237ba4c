#pragma once

// What a run will do, frozen: the policy as it stood when the run began.
//
// The text is canonical JSON (members sorted, no spaces), so its SHA-256 names it: the controller
// keeps it in an immutable ConfigMap and in status only the hash; a worker pod mounts it, and both
// refuse a text that does not have the hash they expect. ConfigMaps that sources read are pinned
// too: copied to immutable ConfigMaps, `pinned` says which copy stands for which name.
//
// Thread safety: pure functions on values.

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "controller/base/result.h"

namespace stoker::warming {

struct PlanDocument {
  std::string policy_namespace;
  std::string policy_name;
  std::string policy_uid;
  nlohmann::json spec;                        // defaulted WarmingPolicy spec
  std::map<std::string, std::string> pinned;  // ConfigMap name -> name of its immutable copy
};

std::string SerializePlan(const PlanDocument& plan);
Result<PlanDocument> ParsePlan(std::string_view text);
std::string PlanHash(std::string_view text);  // SHA-256, hex

// Where a worker pod finds things; the reconciler mounts them there.
inline constexpr char kPlanFile[] = "/etc/stoker/plan/plan.json";
inline constexpr char kSecretsDir[] = "/etc/stoker/secrets";        // <dir>/<secret name>/<key>
inline constexpr char kConfigMapsDir[] = "/etc/stoker/configmaps";  // <dir>/<original name>/<key>
inline constexpr int kWorkerPort = 8080;                            // /healthz, /progress

}  // namespace stoker::warming
