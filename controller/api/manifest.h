#pragma once

// From text that a user wrote to typed, defaulted, validated objects - with the words of the API
// server.
//
// The CRD files in crds/ are compiled in and are the only schema: types, bounds, patterns, defaults
// and CEL rules come from there, so that `stoker run -f` and `kubectl apply -f` agree on every
// manifest. YAML scalars resolve as kubectl resolves them (sigs.k8s.io/yaml, YAML 1.1: `no` is
// false, `010` is 8). Duplicate keys are errors. Unknown fields are errors, as in `kubectl apply`
// (strict field validation).
//
// Thread safety: all functions are pure after the first call (the schemas are parsed once).

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "controller/api/types.h"
#include "controller/base/result.h"

namespace stoker::api {

// Splits multi-document YAML (or JSON, or a JSON stream) into JSON documents, empty ones dropped.
// Input is capped at 4 MiB, depth at 64, aliases expanded under a cap.
Result<std::vector<nlohmann::json>> ParseDocuments(std::string_view text);

// One complaint about one field, in the API server's form.
struct FieldError {
  std::string field;    // "spec.sources[0].pattern.variables"
  std::string message;  // says what to change
};

// Defaults `object` in place (as the API server does on write) and judges it. Empty: it is good.
// apiVersion and kind must be one of ours.
std::vector<FieldError> DefaultAndValidate(nlohmann::json& object);

// Joins complaints to one error of Code::kInvalid: "WarmingPolicy shop/pages: spec.x: message;
// ...".
Error ToError(const nlohmann::json& object, const std::vector<FieldError>& errors);

// Typed views of an object that passed DefaultAndValidate (or came from the API server). They fail
// only on what no schema can see (an unparsable duration past a bound, a bad regular expression).
Result<WarmingPolicy> ToWarmingPolicy(const nlohmann::json& object);
Result<PrewarmSchedule> ToPrewarmSchedule(const nlohmann::json& object);
ObjectMeta ToObjectMeta(const nlohmann::json& object);

// A WarmingPolicySpec from a defaulted spec (what a plan holds).
Result<WarmingPolicySpec> ToWarmingPolicySpec(const nlohmann::json& spec);

// SHA-256 over what is warmed (sources, strategy, origins, targets) of a defaulted spec: a run is
// due when this changes. Order of JSON members does not matter; scaling or suspending does not move
// it.
std::string ChangeHash(const nlohmann::json& spec);

// The CRD files as compiled in, YAML text: {"warmingpolicies", "prewarmschedules"}.
std::string_view CrdYaml(std::string_view plural);

}  // namespace stoker::api
