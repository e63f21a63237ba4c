#include "controller/reconcile/merge_patch.h"

#include "controller/reconcile/json_view.h"

namespace stoker::reconcile {

using nlohmann::json;

json MergeDiff(const json& before, const json& after) {
  json patch = json::object();
  for (const auto& [name, value] : before.items()) {
    if (!after.contains(name)) patch[name] = nullptr;
  }
  for (const auto& [name, value] : after.items()) {
    const auto old = before.find(name);
    if (old == before.end()) {
      patch[name] = value;
    } else if (*old != value) {
      patch[name] = old->is_object() && value.is_object() ? MergeDiff(*old, value) : value;
    }
  }
  return patch;
}

Result<json> WriteStatus(kube::Client& client, const kube::Resource& resource, const json& object,
                         const json& status) {
  json patch = MergeDiff(object.value("status", json::object()), status);
  if (patch.empty()) return object;
  return client.Patch(
      resource, Namespace(object), Name(object), kube::PatchType::kMerge,
      {{"metadata", {{"resourceVersion", ResourceVersion(object)}}}, {"status", std::move(patch)}},
      "status");
}

}  // namespace stoker::reconcile
