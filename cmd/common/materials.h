#pragma once

// Where programs without a cluster find the Secrets and ConfigMaps that a policy names.
//
// A worker pod has them mounted as directories, one file a key; the command line has them in the
// same manifests as the policy, or as directories too. Contents never appear in an error.
//
// Thread safety: const methods from any thread, once filled.

#include <map>
#include <string>

#include "controller/base/result.h"
#include "controller/warming/materials/materials.h"

namespace stoker::cmd {

using Keys = std::map<std::string, std::string>;

// The files of a directory as Kubernetes mounts a Secret or ConfigMap (hidden entries are its own
// machinery). kNotFound when there is no such directory; files beyond 4 MiB are refused.
Result<Keys> ReadKeysOfDirectory(const std::string& path);

// <secrets_dir>/<name>/<key> and <config_maps_dir>/<name>/<key>, read when asked for.
class DirectoryMaterials final : public warming::Materials {
 public:
  DirectoryMaterials(std::string secrets_dir, std::string config_maps_dir);
  [[nodiscard]] Result<Keys> Secret(const std::string& name) const override;
  [[nodiscard]] Result<Keys> ConfigMap(const std::string& name) const override;

 private:
  const std::string secrets_dir_;
  const std::string config_maps_dir_;
};

// What was read from manifests.
class GivenMaterials final : public warming::Materials {
 public:
  void AddSecret(std::string name, Keys keys) { secrets_[std::move(name)] = std::move(keys); }
  void AddConfigMap(std::string name, Keys keys) {
    config_maps_[std::move(name)] = std::move(keys);
  }
  [[nodiscard]] Result<Keys> Secret(const std::string& name) const override;
  [[nodiscard]] Result<Keys> ConfigMap(const std::string& name) const override;

 private:
  std::map<std::string, Keys> secrets_;
  std::map<std::string, Keys> config_maps_;
};

}  // namespace stoker::cmd
