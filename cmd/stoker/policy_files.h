#pragma once

// The options by which run and plan are told which policy, and what they come to.
//
// Thread safety: main thread only.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cmd/common/materials.h"
#include "cmd/stoker/command.h"
#include "cmd/stoker/manifest_files.h"
#include "controller/warming/run/run.h"

namespace stoker::cli {

struct PolicyFiles {
  std::vector<std::string> files;
  std::string policy;                // of several
  std::vector<std::string> secrets;  // NAME=DIR
};

// Adds -f, --policy and --secret.
void AddPolicyFiles(CLI::App& command, PolicyFiles& options);

struct LoadedPolicy {
  std::string name;  // "shop/pages"
  std::string file;
  warming::RunSpec spec;
  std::shared_ptr<cmd::GivenMaterials> materials;
};

// Reads and judges everything, saying all that is wrong; nullopt: the exit code is set.
std::optional<LoadedPolicy> LoadPolicy(const PolicyFiles& options, Environment& environment,
                                       const std::string& command);

}  // namespace stoker::cli
