#pragma once

// What a policy refers to by name, and whether it is there.
//
// A policy reaches only Secrets and ConfigMaps of its own namespace, each read by name when a run
// is about to start (Secrets are never listed or watched). What is missing is told with the field
// that asks for it.
//
// Thread safety: pure functions; ResolveReferences is as safe as the reader it is given.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "controller/api/types.h"
#include "controller/base/result.h"

namespace stoker::reconcile {

struct Reference {
  std::string field;  // "spec.origins[0].http.headersSecretRef"
  std::string name;
  std::string key;  // empty: the object as a whole
  bool secret = true;
};

// In the order of the manifest.
std::vector<Reference> References(const api::WarmingPolicySpec& spec);
// Distinct names, sorted.
std::vector<std::string> SecretNames(const api::WarmingPolicySpec& spec);
std::vector<std::string> ConfigMapNames(const api::WarmingPolicySpec& spec);

// All keys of one Secret or ConfigMap, decoded.
using Contents = std::map<std::string, std::string>;

struct Resolved {
  std::map<std::string, Contents> secrets;
  std::map<std::string, Contents> config_maps;
};

// Reasons of a Problem.
inline constexpr char kSecretNotFound[] = "SecretNotFound";
inline constexpr char kSecretForbidden[] = "SecretForbidden";
inline constexpr char kConfigMapNotFound[] = "ConfigMapNotFound";
inline constexpr char kConfigMapForbidden[] = "ConfigMapForbidden";

// Why a policy cannot run: a reason of docs/conditions.md and a sentence.
struct Problem {
  std::string reason;
  std::string message;
};

using ContentsReader = std::function<Result<Contents>(const std::string& name)>;

struct ResolveOutcome {
  Resolved resolved;
  std::vector<Problem> problems;  // empty: everything is there
};

// Reads each name once. An Error: a read failed for another reason than absence or a lack of rights,
// so nothing is known.
Result<ResolveOutcome> ResolveReferences(const std::vector<Reference>& references,
                                         const std::string& ns, const ContentsReader& secret,
                                         const ContentsReader& config_map);

// Decodes `data` and `binaryData` of a Secret or ConfigMap as the API server returns it.
Contents DecodeContents(const nlohmann::json& object, bool secret);

}  // namespace stoker::reconcile
