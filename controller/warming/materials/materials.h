#pragma once

// What a policy refers to by name, resolved by the host: a run knows nothing of Kubernetes, nor of
// the directories that the command line takes Secrets from.
//
// Thread safety: const methods from any thread.

#include <map>
#include <string>

#include "controller/base/result.h"

namespace stoker::warming {

// A missing one is Code::kNotFound.
class Materials {
 public:
  virtual ~Materials() = default;
  // All keys of one Secret / ConfigMap (data and binaryData decoded).
  [[nodiscard]] virtual Result<std::map<std::string, std::string>> Secret(
      const std::string& name) const = 0;
  [[nodiscard]] virtual Result<std::map<std::string, std::string>> ConfigMap(
      const std::string& name) const = 0;
};

}  // namespace stoker::warming
