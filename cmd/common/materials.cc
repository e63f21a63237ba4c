#include "cmd/common/materials.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace stoker::cmd {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMaxFile = 4 << 20;

// A name becomes a path: it must not lead out of its directory.
bool IsPlainName(const std::string& name) {
  return !name.empty() && !name.starts_with('.') && name.find('/') == std::string::npos;
}

Result<Keys> ReadNamed(const char* kind, const std::string& dir, const std::string& name) {
  if (!IsPlainName(name)) return Invalid(fmt::format("{} \"{}\" is not a name", kind, name));
  auto keys = ReadKeysOfDirectory(dir + "/" + name);
  if (keys || keys.error().code != Code::kNotFound) return keys;
  return NotFound(fmt::format("{} \"{}\" is not mounted at {}/{}", kind, name, dir, name));
}

}  // namespace

Result<Keys> ReadKeysOfDirectory(const std::string& path) {
  std::error_code failure;
  if (!fs::is_directory(path, failure)) return NotFound(fmt::format("{} is not a directory", path));
  Keys keys;
  fs::directory_iterator entry(path, failure);
  for (; !failure && entry != fs::directory_iterator(); entry.increment(failure)) {
    const std::string name = entry->path().filename().string();
    std::error_code ignored;
    if (name.starts_with('.') || !entry->is_regular_file(ignored)) continue;  // follows links
    if (entry->file_size(ignored) > kMaxFile)
      return Invalid(fmt::format("{}/{} is larger than 4 MiB", path, name));
    std::ifstream file(entry->path(), std::ios::binary);
    if (!file) return Error{Code::kPermission, fmt::format("{}/{} cannot be read", path, name)};
    keys[name] = std::string(std::istreambuf_iterator<char>(file), {});
  }
  if (failure)
    return Error{Code::kPermission, fmt::format("{} cannot be read: {}", path, failure.message())};
  return keys;
}

DirectoryMaterials::DirectoryMaterials(std::string secrets_dir, std::string config_maps_dir)
    : secrets_dir_(std::move(secrets_dir)), config_maps_dir_(std::move(config_maps_dir)) {}

Result<Keys> DirectoryMaterials::Secret(const std::string& name) const {
  return ReadNamed("Secret", secrets_dir_, name);
}

Result<Keys> DirectoryMaterials::ConfigMap(const std::string& name) const {
  return ReadNamed("ConfigMap", config_maps_dir_, name);
}

Result<Keys> GivenMaterials::Secret(const std::string& name) const {
  if (const auto found = secrets_.find(name); found != secrets_.end()) return found->second;
  return NotFound(fmt::format(
      "Secret \"{}\" is not given; add its manifest with -f FILE, or pass --secret {}=DIR", name,
      name));
}

Result<Keys> GivenMaterials::ConfigMap(const std::string& name) const {
  if (const auto found = config_maps_.find(name); found != config_maps_.end()) return found->second;
  return NotFound(
      fmt::format("ConfigMap \"{}\" is not given; add its manifest with -f FILE", name));
}

}  // namespace stoker::cmd
