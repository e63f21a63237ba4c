#pragma once

// Reads kubeconfig files as kubectl does: several files merge into one, the first that says
// something wins, and relative paths belong to the folder of the file that holds them.
//
// Thread safety: any thread.

#include <string>
#include <vector>

#include "controller/base/result.h"
#include "controller/kube/config.h"

namespace stoker::kube {

// Files that are missing are skipped, unless all are. Errors name the file and the field.
Result<Config> LoadKubeconfig(const std::vector<std::string>& files, const std::string& context);

}  // namespace stoker::kube
