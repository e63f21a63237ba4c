#include "controller/warming/run/plan_document.h"

#include <fmt/format.h>

#include "controller/base/hash.h"

namespace stoker::warming {
namespace {

constexpr char kFormat[] = "stoker.dev/plan/v1";
constexpr std::size_t kMaxPlanBytes = 1 << 20;

}  // namespace

// nlohmann's objects are sorted maps, and dump() without indent writes no spaces: canonical as it
// is.
std::string SerializePlan(const PlanDocument& plan) {
  const nlohmann::json document = {{"format", kFormat},
                                   {"policy",
                                    {{"namespace", plan.policy_namespace},
                                     {"name", plan.policy_name},
                                     {"uid", plan.policy_uid}}},
                                   {"spec", plan.spec},
                                   {"pinned", plan.pinned}};
  return document.dump();
}

Result<PlanDocument> ParsePlan(std::string_view text) {
  if (text.size() > kMaxPlanBytes) return Invalid("the plan is larger than 1 MiB");
  try {
    const auto document = nlohmann::json::parse(text);
    if (document.at("format") != kFormat)
      return Invalid("the plan was written by another version of Stoker");
    PlanDocument plan;
    const auto& policy = document.at("policy");
    plan.policy_namespace = policy.at("namespace");
    plan.policy_name = policy.at("name");
    plan.policy_uid = policy.at("uid");
    plan.spec = document.at("spec");
    plan.pinned = document.at("pinned");
    if (!plan.spec.is_object()) return Invalid("the plan's spec is no object");
    return plan;
  } catch (const nlohmann::json::exception& error) {
    return Invalid(fmt::format("the plan does not parse: {}", error.what()));
  }
}

std::string PlanHash(std::string_view text) { return Sha256Hex(text); }

}  // namespace stoker::warming
