#pragma once

// Objects for the tests of reconcile/: a policy as the API server would hold it, its Job, a clock.

#include <nlohmann/json.hpp>
#include <string>

#include "controller/api/manifest.h"
#include "controller/base/clock.h"
#include "controller/reconcile/names.h"
#include "controller/reconcile/policy_decision.h"

namespace stoker::reconcile::samples {

inline WallTime At(const std::string& text) { return *ParseTime(text); }
inline WallTime Noon() { return At("2026-11-27T12:00:00Z"); }

inline nlohmann::json Spec() {
  return nlohmann::json::parse(R"({
    "sources": [{"name": "all", "pattern": {"template": "product:{id}",
                 "variables": [{"name": "id", "from": 1, "to": 100}]}}],
    "origins": [{"name": "api", "http": {"url": "http://catalogue.shop/{key}"}}],
    "targets": [{"name": "l2", "redis": {"address": "redis.shop:6379"}, "write": {"ttl": "1h"}}]
  })");
}

// Defaulted, as it comes back from the API server.
inline nlohmann::json Policy(const nlohmann::json& spec = Spec()) {
  nlohmann::json object = {{"apiVersion", api::kApiVersion},
                           {"kind", "WarmingPolicy"},
                           {"metadata", {{"name", "pages"}, {"namespace", "shop"}}},
                           {"spec", spec}};
  const auto errors = api::DefaultAndValidate(object);
  if (!errors.empty()) throw std::runtime_error(api::ToError(object, errors).message);
  object["metadata"].update({{"uid", "policy-uid"},
                             {"resourceVersion", "7"},
                             {"generation", 1},
                             {"creationTimestamp", "2026-11-27T08:00:00Z"}});
  return object;
}

// A policy that was seen before and is ready.
inline nlohmann::json ReadyPolicy(const nlohmann::json& spec = Spec()) {
  nlohmann::json object = Policy(spec);
  object["status"] = {{"observedGeneration", 1},
                      {"conditions",
                       {{{"type", "Ready"},
                         {"status", "True"},
                         {"reason", "Accepted"},
                         {"message", "the spec is accepted and looked after"},
                         {"observedGeneration", 1},
                         {"lastTransitionTime", "2026-11-27T08:00:01Z"}}}}};
  return object;
}

inline nlohmann::json Active(const std::string& uid = "job-uid", const char* mode = "InProcess") {
  nlohmann::json run = {{"name", "pages-0123456789"},
                        {"planHash", "p1"},
                        {"changeHash", "h1"},
                        {"trigger", "Spec"},
                        {"mode", mode},
                        {"attempt", 1},
                        {"startTime", "2026-11-27T11:59:00Z"}};
  if (!uid.empty()) run["uid"] = uid;
  return run;
}

inline nlohmann::json Job(const std::string& uid = "job-uid") {
  return {{"apiVersion", "batch/v1"},
          {"kind", "Job"},
          {"metadata",
           {{"name", "pages-0123456789"},
            {"namespace", "shop"},
            {"uid", uid},
            {"resourceVersion", "9"},
            {"labels", {{kManagedByLabel, "stoker"}, {kPolicyLabel, "pages"}}},
            {"ownerReferences",
             {{{"apiVersion", api::kApiVersion},
               {"kind", "WarmingPolicy"},
               {"name", "pages"},
               {"uid", "policy-uid"},
               {"controller", true}}}}}},
          {"spec", {{"managedBy", kInProcessManager}, {"suspend", false}}}};
}

inline nlohmann::json FinishedJob(const char* type, const char* reason = "Done") {
  nlohmann::json job = Job();
  job["status"] = {{"startTime", "2026-11-27T11:59:00Z"},
                   {"conditions",
                    {{{"type", type},
                      {"status", "True"},
                      {"reason", reason},
                      {"message", "it ended"},
                      {"lastTransitionTime", "2026-11-27T11:59:30Z"}}}}};
  if (std::string(type) == "Complete") job["status"]["completionTime"] = "2026-11-27T11:59:30Z";
  return job;
}

inline PolicyObserved Observe(const nlohmann::json& object) {
  PolicyObserved observed;
  observed.object = object;
  observed.policy = api::ToWarmingPolicy(object);
  observed.references = std::vector<Problem>();
  return observed;
}

}  // namespace stoker::reconcile::samples
