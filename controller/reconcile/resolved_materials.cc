#include "controller/reconcile/resolved_materials.h"

#include <fmt/format.h>

namespace stoker::reconcile {
namespace {

Result<Contents> Look(const std::map<std::string, Contents>& read, const char* kind,
                      const std::string& name) {
  const auto it = read.find(name);
  if (it == read.end()) return NotFound(fmt::format("{} \"{}\" does not exist", kind, name));
  return it->second;
}

}  // namespace

Result<Contents> ResolvedMaterials::Secret(const std::string& name) const {
  return Look(resolved_.secrets, "Secret", name);
}

Result<Contents> ResolvedMaterials::ConfigMap(const std::string& name) const {
  return Look(resolved_.config_maps, "ConfigMap", name);
}

}  // namespace stoker::reconcile
