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

NamespaceView::NamespaceView(kube::Client& client, const std::vector<std::string>& watched,
                             Millis recheck) {
  if (watched.empty()) {
    all_ = std::make_unique<View>(client, All(kube::kNamespaces), watched);
  } else {
    some_ = std::make_unique<kube::ObjectPoller>(client, kube::kNamespaces, watched, recheck);
  }
}

void NamespaceView::OnChange(const kube::Informer::Handler& handler) {
  all_ ? all_->OnChange(handler) : some_->OnChange(handler);
}
void NamespaceView::Start() { all_ ? all_->Start() : some_->Start(); }
void NamespaceView::Stop() { all_ ? all_->Stop() : some_->Stop(); }
bool NamespaceView::Synced() const { return all_ ? all_->Synced() : some_->Synced(); }

std::optional<bool> NamespaceView::InProcessAllowed(const std::string& ns) const {
  const kube::Object object = all_ ? all_->Get("", ns) : some_->Get(ns);
  if (object) return Label(*object, kInProcessLabel) == kInProcessAllowed;
  return some_ && some_->Refused(ns) ? std::optional(false) : std::nullopt;
}

Views::Views(kube::Client& client, const std::vector<std::string>& watched, Millis recheck)
    : policies(client, All(kube::kWarmingPolicies), watched),
      schedules(client, Schedules(), watched),
      jobs(client, Ours(kube::kJobs), watched),
      pods(client, Ours(kube::kPods), watched),
      namespaces(client, watched, recheck) {}

void Views::Start() {
  for (View* view : {&policies, &schedules, &jobs, &pods}) view->Start();
  namespaces.Start();
}
void Views::Stop() {
  for (View* view : {&policies, &schedules, &jobs, &pods}) view->Stop();
  namespaces.Stop();
}
bool Views::Synced() const {
  return policies.Synced() && schedules.Synced() && jobs.Synced() && pods.Synced() &&
         namespaces.Synced();
}

}  // namespace stoker::reconcile
