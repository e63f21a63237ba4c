#include "cmd/stoker/policy_files.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "controller/base/clock.h"
#include "controller/base/hash.h"
#include "controller/warming/run/plan_document.h"

namespace stoker::cli {
namespace {

// The lists that the policy reads, by what is in them: another list is another plan.
std::map<std::string, std::string> PinnedLists(const api::WarmingPolicySpec& policy,
                                               const warming::Materials& materials) {
  std::map<std::string, std::string> pinned;
  for (const api::Source& source : policy.sources) {
    const api::KeyRef* ref = nullptr;
    if (source.static_ && source.static_->config_map_ref) ref = &*source.static_->config_map_ref;
    if (source.access_log && source.access_log->config_map_ref)
      ref = &*source.access_log->config_map_ref;
    if (ref == nullptr) continue;
    const auto keys = materials.ConfigMap(ref->name);
    if (!keys || !keys->contains(ref->key)) continue;  // the run will say so
    pinned[fmt::format("{}/{}", ref->name, ref->key)] = Sha256Hex(keys->at(ref->key));
  }
  return pinned;
}

}  // namespace

void AddPolicyFiles(CLI::App& command, PolicyFiles& options) {
  command
      .add_option(
          "-f,--filename", options.files,
          "Manifests: the policy, and the Secrets and ConfigMaps it names; - is standard input")
      ->type_name("FILE")
      ->required()
      ->allow_extra_args(false);
  command.add_option("--policy", options.policy, "Which policy, when the files hold several")
      ->type_name("NAME");
  command
      .add_option("--secret", options.secrets,
                  "A Secret from a directory, one file a key, as it is mounted")
      ->type_name("NAME=DIR")
      ->allow_extra_args(false);
}

std::optional<LoadedPolicy> LoadPolicy(const PolicyFiles& options, Environment& environment,
                                       const std::string& command) {
  const Manifests manifests = ReadManifests(options.files, environment.in);
  for (const std::string& note : manifests.notes) environment.err << "note: " << note << "\n";
  for (const std::string& error : manifests.errors) environment.err << error << "\n";
  if (!manifests.errors.empty()) {
    environment.exit_code = kExitBadInput;
    return std::nullopt;
  }
  for (const ScheduleManifest& schedule : manifests.schedules)
    environment.err << fmt::format(
        "note: {}: PrewarmSchedule {} is good; it acts on a cluster (see stoker next)\n",
        schedule.file, FullName(schedule.schedule.meta));
  auto chosen = ChoosePolicy(manifests, options.policy);
  if (!chosen) return FailInput(environment, command, chosen.error().message), std::nullopt;
  auto materials = MaterialsFor(chosen->policy, manifests, options.secrets);
  if (!materials) return FailInput(environment, command, materials.error().message), std::nullopt;

  const api::WarmingPolicy& policy = chosen->policy;
  LoadedPolicy loaded{
      .name = FullName(policy.meta), .file = chosen->file, .spec = {}, .materials = *materials};
  loaded.spec.id = fmt::format("cli-{}", SystemClock().Wall().time_since_epoch().count());
  loaded.spec.plan_hash =
      warming::PlanHash(warming::SerializePlan({.policy_namespace = policy.meta.namespace_,
                                                .policy_name = policy.meta.name,
                                                .policy_uid = policy.meta.uid,
                                                .spec = policy.spec_json,
                                                .pinned = PinnedLists(policy.spec, **materials)}));
  loaded.spec.policy = policy.spec;
  return loaded;
}

}  // namespace stoker::cli
