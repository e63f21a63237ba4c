#pragma once

// Secrets and ConfigMaps that were read before, as the runtime asks for them.
//
// Thread safety: immutable.

#include <string>
#include <utility>

#include "controller/reconcile/references.h"
#include "controller/warming/materials/materials.h"

namespace stoker::reconcile {

class ResolvedMaterials final : public warming::Materials {
 public:
  explicit ResolvedMaterials(Resolved resolved) : resolved_(std::move(resolved)) {}
  // kNotFound for what was not read.
  [[nodiscard]] Result<Contents> Secret(const std::string& name) const override;
  [[nodiscard]] Result<Contents> ConfigMap(const std::string& name) const override;

 private:
  const Resolved resolved_;
};

}  // namespace stoker::reconcile
