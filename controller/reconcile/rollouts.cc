#include "controller/reconcile/rollouts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "controller/reconcile/json_view.h"

namespace stoker::reconcile {
namespace {

using nlohmann::json;

const kube::Resource& ResourceOf(const std::string& kind) {
  static constexpr kube::Resource kDeployments{"apps", "v1", "deployments", "Deployment"};
  static constexpr kube::Resource kStatefulSets{"apps", "v1", "statefulsets", "StatefulSet"};
  static constexpr kube::Resource kDaemonSets{"apps", "v1", "daemonsets", "DaemonSet"};
  if (kind == kStatefulSets.kind) return kStatefulSets;
  return kind == kDaemonSets.kind ? kDaemonSets : kDeployments;
}

bool IsReady(const json& pod) {
  const json* conditions = Find(pod, {"status", "conditions"});
  if (conditions == nullptr || IsBeingDeleted(pod)) return false;
  return std::ranges::any_of(*conditions, [](const json& condition) {
    return Text(condition, {"type"}) == "Ready" && Text(condition, {"status"}) == "True";
  });
}

bool IsOver(const json& pod) {
  const std::string phase = Text(pod, {"status", "phase"});
  return phase == "Succeeded" || phase == "Failed";
}

// Of a Deployment all pods are of the newest template; other kinds may keep older ones on purpose
// (partitions, OnDelete).
bool IsRolledOut(const std::string& kind, const json& object) {
  if (Number(object, {"status", "observedGeneration"}) <
      Number(object, {"metadata", "generation"})) {
    return false;
  }
  if (kind == "DaemonSet") {
    const auto wanted = Number(object, {"status", "desiredNumberScheduled"});
    return wanted > 0 && Number(object, {"status", "numberReady"}) == wanted;
  }
  const auto wanted = Number(object, {"spec", "replicas"}, 1);
  const bool all_ready = wanted > 0 && Number(object, {"status", "readyReplicas"}) == wanted;
  return all_ready &&
         (kind != "Deployment" || Number(object, {"status", "updatedReplicas"}) == wanted);
}

std::optional<WallTime> LastStart(const json& pod) {
  std::optional<WallTime> last;
  const json* containers = Find(pod, {"status", "containerStatuses"});
  if (containers == nullptr) return last;
  for (const json& container : *containers) {
    last = std::max(last, Time(container, {"state", "running", "startedAt"}));
  }
  return last;
}

const json* EntryOf(const json& status, const Workload& workload) {
  const json* rollouts = Find(status, {"rollouts"});
  if (rollouts == nullptr) return nullptr;
  for (const json& entry : *rollouts) {
    if (Text(entry, {"kind"}) == workload.kind && Text(entry, {"name"}) == workload.name)
      return &entry;
  }
  return nullptr;
}

Workload Unknown(const api::Rollout& rollout, const std::string& ns, const Error& error) {
  Workload workload{.kind = rollout.kind, .name = rollout.name};
  if (error.code == Code::kNotFound) {
    workload.reason = "WorkloadNotFound";
    workload.problem =
        fmt::format("{} \"{}\" does not exist in namespace {}", rollout.kind, rollout.name, ns);
  } else {
    workload.reason = "WorkloadForbidden";
    workload.problem = fmt::format(
        "the controller may not read {} \"{}\" in namespace {}; give its Role the verb get on {} "
        "of group apps ({})",
        rollout.kind, rollout.name, ns, ResourceOf(rollout.kind).plural, error.message);
  }
  return workload;
}

}  // namespace

Result<std::string> SelectorText(const json& selector) {
  std::vector<std::string> terms;
  if (const json* labels = Find(selector, {"matchLabels"})) {
    for (const auto& [name, value] : labels->items())
      terms.push_back(fmt::format("{}={}", name, value.get<std::string>()));
  }
  if (const json* expressions = Find(selector, {"matchExpressions"})) {
    for (const json& expression : *expressions) {
      const std::string key = Text(expression, {"key"});
      const std::string op = Text(expression, {"operator"});
      if (op == "Exists") {
        terms.push_back(key);
      } else if (op == "DoesNotExist") {
        terms.push_back("!" + key);
      } else if (op == "In" || op == "NotIn") {
        const auto values = expression.value("values", std::vector<std::string>());
        terms.push_back(
            fmt::format("{} {} ({})", key, op == "In" ? "in" : "notin", fmt::join(values, ",")));
      } else {
        return Invalid(
            fmt::format("its selector has the operator {}, which Stoker does not know", op));
      }
    }
  }
  if (terms.empty()) return Invalid("its selector is empty, which selects every pod");
  return fmt::format("{}", fmt::join(terms, ","));
}

Workload ReadWorkload(const api::Rollout& rollout, const json& object,
                      const std::vector<json>& pods) {
  Workload workload{.kind = rollout.kind, .name = rollout.name};
  workload.settled = IsRolledOut(rollout.kind, object);
  for (const json& pod : pods) {
    if (IsOver(pod)) continue;
    workload.settled = workload.settled && IsReady(pod);
    workload.last_start = std::max(workload.last_start, LastStart(pod));
  }
  workload.settled = workload.settled && workload.last_start.has_value();
  return workload;
}

Result<std::vector<Workload>> LookAtRollouts(kube::Client& client, const std::string& ns,
                                             const std::vector<api::Rollout>& rollouts) {
  std::vector<Workload> workloads;
  for (const api::Rollout& rollout : rollouts) {
    const auto object = client.Get(ResourceOf(rollout.kind), ns, rollout.name);
    if (!object) {
      const Code code = object.error().code;
      if (code != Code::kNotFound && code != Code::kPermission) return object.error();
      workloads.push_back(Unknown(rollout, ns, object.error()));
      continue;
    }
    const auto selector = SelectorText(object->at("spec").value("selector", json::object()));
    if (!selector) {
      workloads.push_back({.kind = rollout.kind,
                           .name = rollout.name,
                           .reason = "WorkloadUnreadable",
                           .problem = fmt::format("{} \"{}\": {}", rollout.kind, rollout.name,
                                                  selector.error().message)});
      continue;
    }
    kube::ListOptions options;
    options.label_selector = *selector;
    const auto pods = client.List(kube::kPods, ns, options);
    if (!pods) return pods.error();
    workloads.push_back(ReadWorkload(rollout, *object, pods->items));
  }
  return workloads;
}

std::optional<Workload> Replaced(const json& status, const std::vector<Workload>& workloads) {
  for (const Workload& workload : workloads) {
    const json* entry = EntryOf(status, workload);
    if (entry == nullptr || !workload.settled) continue;
    const auto answered = Time(*entry, {"lastStart"});
    if (answered && *workload.last_start > *answered) return workload;
  }
  return std::nullopt;
}

std::string RolloutProblem(const json& status, const Workload& workload) {
  const json* entry = EntryOf(status, workload);
  return entry == nullptr ? "" : Text(*entry, {"message"});
}

void WriteRollouts(json& status, const std::vector<Workload>& workloads, bool answered,
                   WallTime now) {
  json entries = json::array();
  for (const Workload& workload : workloads) {
    const json* before = EntryOf(status, workload);
    json entry = {{"kind", workload.kind}, {"name", workload.name}};
    if (!workload.problem.empty()) entry["message"] = workload.problem;
    const bool known = before != nullptr && before->contains("lastStart");
    if (known) entry["lastStart"] = before->at("lastStart");
    // Nothing is known of a workload that could not be read, so nothing is answered either.
    if (workload.problem.empty() && (answered || !known)) {
      entry["lastStart"] = FormatTime(workload.last_start.value_or(now));
    }
    entries.push_back(std::move(entry));
  }
  if (entries.empty()) {
    status.erase("rollouts");
  } else {
    status["rollouts"] = std::move(entries);
  }
}

}  // namespace stoker::reconcile
