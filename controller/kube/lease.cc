#include "controller/kube/lease.h"

#include <algorithm>
#include <utility>

#include "controller/kube/resource.h"

namespace stoker::kube {

std::int64_t NextTransitions(const LeaseRecord& seen, std::int64_t own, std::int64_t left_behind) {
  return std::max({seen.transitions, own, left_behind}) + 1;
}

LeaseRecord ParseLease(const nlohmann::json& lease) {
  LeaseRecord record;
  const auto spec = lease.value("spec", nlohmann::json::object());
  const auto text = [](const nlohmann::json& object, const char* key) {
    const auto it = object.find(key);
    return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
  };
  const auto number = [&spec](const char* key) {
    const auto it = spec.find(key);
    return it != spec.end() && it->is_number_integer() ? it->get<std::int64_t>() : std::int64_t{0};
  };
  record.holder = text(spec, "holderIdentity");
  record.duration = std::chrono::seconds(number("leaseDurationSeconds"));
  record.transitions = number("leaseTransitions");
  record.resource_version =
      text(lease.value("metadata", nlohmann::json::object()), "resourceVersion");
  return record;
}

void LeaseView::Observe(LeaseRecord record, SteadyTime now) {
  if (!exists_ || record.resource_version != record_.resource_version) seen_ = now;
  exists_ = true;
  record_ = std::move(record);
}

void LeaseView::ObserveAbsent() {
  exists_ = false;
  const std::int64_t transitions = record_.transitions;
  record_ = {};
  record_.transitions = transitions;  // whoever creates it anew goes on counting
}

bool LeaseView::Free(const std::string& identity, SteadyTime now) const {
  return !exists_ || record_.holder.empty() || record_.holder == identity ||
         Remaining(now) <= Millis(0);
}

Millis LeaseView::Remaining(SteadyTime now) const {
  return std::max(Millis(0), std::chrono::ceil<Millis>(seen_ + record_.duration - now));
}

nlohmann::json HeldLease(const nlohmann::json& previous, const LeaseWrite& write) {
  nlohmann::json lease = previous.is_object() ? previous : nlohmann::json::object();
  lease["apiVersion"] = kLeases.ApiVersion();
  lease["kind"] = std::string(kLeases.kind);
  lease["metadata"]["namespace"] = write.ns;
  lease["metadata"]["name"] = write.name;
  auto& spec = lease["spec"];
  spec["holderIdentity"] = write.identity;
  // The API counts whole seconds and wants at least one; rounding up never shortens our claim.
  spec["leaseDurationSeconds"] =
      std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(write.duration).count());
  spec["leaseTransitions"] = write.transitions;
  spec["renewTime"] = FormatMicroTime(write.now);
  if (write.acquiring) spec["acquireTime"] = FormatMicroTime(write.now);
  return lease;
}

nlohmann::json ReleasedLease(const nlohmann::json& held, WallTime now) {
  nlohmann::json lease = held;
  auto& spec = lease["spec"];
  spec["holderIdentity"] = "";
  spec["leaseDurationSeconds"] = 1;
  spec["renewTime"] = FormatMicroTime(now);
  return lease;
}

}  // namespace stoker::kube
