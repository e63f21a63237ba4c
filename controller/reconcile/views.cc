#include "controller/reconcile/views.h"

#include <algorithm>

#include "controller/reconcile/json_view.h"
#include "controller/reconcile/names.h"

namespace stoker::reconcile {

View::View(kube::Client& client, const kube::InformerOptions& options,
           const std::vector<std::string>& namespaces) {
  for (const std::string& ns : namespaces.empty() ? std::vector<std::string>{""} : namespaces) {
    kube::InformerOptions one = options;
    one.ns = ns;
    informers_.push_back(std::make_unique<kube::Informer>(client, std::move(one)));
  }
}

void View::OnChange(const kube::Informer::Handler& handler) {
  for (const auto& informer : informers_) informer->OnChange(handler);
}
void View::Start() {
  for (const auto& informer : informers_) informer->Start();
}
void View::Stop() {
  for (const auto& informer : informers_) informer->Stop();
}
bool View::Synced() const {
  return std::ranges::all_of(informers_, [](const auto& informer) { return informer->Synced(); });
}

kube::Object View::Get(std::string_view ns, std::string_view name) const {
  for (const auto& informer : informers_) {
    if (auto object = informer->Get(ns, name)) return object;
  }
  return nullptr;
}

std::vector<kube::Object> View::Find(std::string_view ns, const std::string& value) const {
  std::vector<kube::Object> all;
  for (const auto& informer : informers_) {
    auto some = informer->Find(ns, value);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

std::vector<std::string> View::Keys(std::string_view ns) const {
  std::vector<std::string> all;
  for (const auto& informer : informers_) {
    auto some = informer->Keys(ns);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

namespace {

kube::InformerOptions All(const kube::Resource& resource) {
  kube::InformerOptions options;
  options.resource = resource;
  return options;
}

kube::InformerOptions Ours(const kube::Resource& resource) {
  kube::InformerOptions options = All(resource);
  options.label_selector = kManagedBySelector;
  options.index = ControllerUid;
  return options;
}

kube::InformerOptions Schedules() {
  kube::InformerOptions options = All(kube::kPrewarmSchedules);
  options.index = [](const nlohmann::json& schedule) {
    return Text(schedule, {"spec", "policyRef", "name"});
  };
  return options;
}

}  // namespace

Views::Views(kube::Client& client, const std::vector<std::string>& watched)
    : policies(client, All(kube::kWarmingPolicies), watched),
      schedules(client, Schedules(), watched),
      jobs(client, Ours(kube::kJobs), watched),
      pods(client, Ours(kube::kPods), watched),
      namespaces(client, All(kube::kNamespaces), {}) {}

void Views::Start() {
  for (View* view : {&policies, &schedules, &jobs, &pods, &namespaces}) view->Start();
}
void Views::Stop() {
  for (View* view : {&policies, &schedules, &jobs, &pods, &namespaces}) view->Stop();
}
bool Views::Synced() const {
  return policies.Synced() && schedules.Synced() && jobs.Synced() && pods.Synced() &&
         namespaces.Synced();
}

bool Views::InProcessAllowed(const std::string& ns) const {
  const kube::Object object = namespaces.Get("", ns);
  return object && Label(*object, kInProcessLabel) == kInProcessAllowed;
}

}  // namespace stoker::reconcile
