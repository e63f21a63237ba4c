#include "controller/kube/resource.h"

#include <fmt/format.h>

namespace stoker::kube {
namespace {

// Names come from manifests; one that is no name must not lead to another path.
void AppendSegment(std::string& path, std::string_view segment) {
  path += '/';
  for (const unsigned char c : segment) {
    const bool plain = std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_' || c == ':';
    if (plain) {
      path += static_cast<char>(c);
    } else {
      path += fmt::format("%{:02X}", c);
    }
  }
}

}  // namespace

std::string Resource::ApiVersion() const {
  if (group.empty()) return std::string(version);
  return std::string(group) + "/" + std::string(version);
}

std::string Resource::Path(std::string_view ns, std::string_view name,
                           std::string_view subresource) const {
  std::string path = (group.empty() ? "/api/" : "/apis/") + ApiVersion();
  if (namespaced && !ns.empty()) {
    path += "/namespaces";
    AppendSegment(path, ns);
  }
  AppendSegment(path, plural);
  if (!name.empty()) AppendSegment(path, name);
  if (!subresource.empty()) AppendSegment(path, subresource);
  return path;
}

}  // namespace stoker::kube
