#include "controller/reconcile/context.h"

#include "controller/reconcile/json_view.h"
#include "controller/reconcile/names.h"

namespace stoker::reconcile {
namespace {

ContentsReader Reader(kube::Client& client, const std::string& ns, const kube::Resource& resource,
                      bool secret) {
  return [&client, ns, &resource, secret](const std::string& name) -> Result<Contents> {
    STOKER_TRY(const nlohmann::json object, client.Get(resource, ns, name));
    return DecodeContents(object, secret);
  };
}

}  // namespace

void Send(Context& context, const nlohmann::json& regarding, const EventToSend& event) {
  context.events.Record(regarding, event.type, event.reason, "Reconcile", event.message);
}

Executor::Lives LivesIn(const Views& views) {
  return [&views](const std::string& policy_key, const std::string& policy_uid) {
    const auto [ns, name] = SplitKey(policy_key);
    const kube::Object policy = views.policies.Get(ns, name);
    return policy && Uid(*policy) == policy_uid;
  };
}

ContentsReader SecretReader(kube::Client& client, const std::string& ns) {
  return Reader(client, ns, kube::kSecrets, true);
}

ContentsReader ConfigMapReader(kube::Client& client, const std::string& ns) {
  return Reader(client, ns, kube::kConfigMaps, false);
}

}  // namespace stoker::reconcile
