#pragma once

// The files of -f, as the objects that a command works on.
//
// One file may hold several documents and a command may be given several files: policies and
// schedules are defaulted and judged exactly as the API server judges them, Secrets and ConfigMaps
// become what the policies refer to, and everything else is left alone with a note (a manifest may
// be a whole application). All complaints are gathered, so that one look tells everything there is
// to mend.
//
// Thread safety: plain values.

#include <istream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cmd/common/materials.h"
#include "controller/api/types.h"
#include "controller/base/result.h"

namespace stoker::cli {

struct PolicyManifest {
  std::string file;
  api::WarmingPolicy policy;
};

struct ScheduleManifest {
  std::string file;
  api::PrewarmSchedule schedule;
};

struct NamedKeys {         // a Secret or ConfigMap
  std::string namespace_;  // NOLINT(readability-identifier-naming): a keyword
  std::string name;
  cmd::Keys keys;
};

struct Manifests {
  std::vector<PolicyManifest> policies;
  std::vector<ScheduleManifest> schedules;
  std::vector<NamedKeys> secrets;
  std::vector<NamedKeys> config_maps;
  std::vector<std::string> errors;  // "policy.yaml: WarmingPolicy shop/pages: spec.x: message"
  std::vector<std::string> notes;
};

// "-" is standard input.
Manifests ReadManifests(const std::vector<std::string>& files, std::istream& standard_input);

// The one policy that a command is about; `name` ("pages" or "shop/pages") chooses among several.
Result<PolicyManifest> ChoosePolicy(const Manifests& manifests, const std::string& name);

// What the policy may refer to: objects of its namespace, those without a namespace, and
// `secret_dirs`
// ("NAME=DIR", as a mounted Secret).
Result<std::shared_ptr<cmd::GivenMaterials>> MaterialsFor(
    const api::WarmingPolicy& policy, const Manifests& manifests,
    const std::vector<std::string>& secret_dirs);

// "shop/pages", or "pages" where the manifest names no namespace.
std::string FullName(const api::ObjectMeta& meta);

}  // namespace stoker::cli
