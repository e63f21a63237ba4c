#include "controller/api/metadata.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "controller/api/cel/text.h"
#include "controller/api/schema.h"

namespace stoker::api {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 15> kKnown = {"name",
                                                     "generateName",
                                                     "namespace",
                                                     "labels",
                                                     "annotations",
                                                     "uid",
                                                     "resourceVersion",
                                                     "generation",
                                                     "selfLink",
                                                     "creationTimestamp",
                                                     "deletionTimestamp",
                                                     "deletionGracePeriodSeconds",
                                                     "finalizers",
                                                     "ownerReferences",
                                                     "managedFields"};

constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxNamespace = 63;
constexpr std::size_t kMaxLabel = 63;
constexpr std::size_t kMaxAnnotationBytes = std::size_t{256} << 10;

constexpr char kSubdomain[] = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
constexpr char kNamespace[] = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
constexpr char kQualifiedName[] = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
constexpr char kLabelValue[] = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?";

bool IsQualifiedName(std::string_view name) {
  const std::size_t slash = name.find('/');
  if (slash != std::string_view::npos) {
    const std::string prefix(name.substr(0, slash));
    if (prefix.size() > kMaxName || !RE2::FullMatch(prefix, kSubdomain)) return false;
    name.remove_prefix(slash + 1);
  }
  return name.size() <= kMaxLabel && RE2::FullMatch(std::string(name), kQualifiedName);
}

class MetadataCheck {
 public:
  explicit MetadataCheck(const json& metadata) : metadata_(metadata) {}

  std::vector<FieldError> Run() {
    CheckName();
    if (const std::string* space = Text("namespace")) {
      const bool fits = space->size() <= kMaxNamespace && RE2::FullMatch(*space, kNamespace);
      if (!space->empty() && !fits) {
        Complain("metadata.namespace",
                 "must be lower-case letters, digits and '-', at most 63 of them");
      }
    }
    CheckMap("labels");
    CheckMap("annotations");
    return std::move(errors_);
  }

 private:
  void Complain(std::string field, std::string message) {
    errors_.push_back({std::move(field), std::move(message)});
  }

  // The member where it is a string; a complaint where it is something else.
  const std::string* Text(const char* name) {
    const auto it = metadata_.find(name);
    if (it == metadata_.end() || it->is_null()) return nullptr;
    if (it->is_string()) return it->get_ptr<const std::string*>();
    Complain(std::string("metadata.") + name,
             std::string("must be of type string: \"") + it->type_name() + "\"; put it in quotes");
    return nullptr;
  }

  void CheckName() {
    const std::size_t before = errors_.size();
    const std::string* name = Text("name");
    const std::string* generate = Text("generateName");
    if (errors_.size() > before) return;
    if (name == nullptr || name->empty()) {
      const bool generated = generate != nullptr && !generate->empty();
      Complain("metadata.name", generated
                                    ? "Required value: generateName cannot be applied; set a name"
                                    : "Required value: name or generateName is required");
      return;
    }
    if (name->size() > kMaxName || !RE2::FullMatch(*name, kSubdomain)) {
      Complain("metadata.name",
               "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, "
               "'-' or '.', "
               "and must start and end with an alphanumeric character");
    }
  }

  void CheckMap(const char* name) {
    const auto it = metadata_.find(name);
    if (it == metadata_.end() || it->is_null()) return;
    const std::string path = std::string("metadata.") + name;
    const bool label = path == "metadata.labels";
    if (!it->is_object()) return Complain(path, "must be of type object");
    std::size_t bytes = 0;
    for (const auto& [key, value] : it->items()) {
      if (!value.is_string()) {
        Complain(JoinPath(path, key), std::string("must be of type string: \"") +
                                          value.type_name() + "\"; put it in quotes");
        continue;
      }
      const auto& text = value.get_ref<const std::string&>();
      bytes += key.size() + text.size();
      CheckPair(path, key, text, label);
    }
    if (!label && bytes > kMaxAnnotationBytes)
      Complain(path, "Too long: may not be more than 262144 bytes");
  }

  void CheckPair(const std::string& path, const std::string& key, const std::string& text,
                 bool label) {
    // The API server lets the names of annotations have capitals in front of the slash too.
    if (!IsQualifiedName(label ? key : cel::LowerAscii(key))) {
      Complain(path, "Invalid value: \"" + key.substr(0, kMaxName) +
                         "\": name part must consist of alphanumeric characters, '-', '_' or '.', "
                         "and must start "
                         "and end with an alphanumeric character");
    }
    if (label && (text.size() > kMaxLabel || !RE2::FullMatch(text, kLabelValue))) {
      Complain(
          path,
          "Invalid value: a valid label must be an empty string or consist of at most 63 "
          "alphanumeric "
          "characters, '-', '_' or '.', and must start and end with an alphanumeric character");
    }
  }

  const json& metadata_;
  std::vector<FieldError> errors_;
};

std::vector<std::string> KnownNames() { return {kKnown.begin(), kKnown.end()}; }

}  // namespace

std::vector<FieldError> UnknownMetadataFields(const json& object) {
  std::vector<FieldError> errors;
  const auto it = object.find("metadata");
  if (it == object.end() || !it->is_object()) return errors;
  for (const auto& [name, value] : it->items()) {
    if (std::find(kKnown.begin(), kKnown.end(), name) != kKnown.end()) continue;
    errors.push_back({JoinPath("metadata", name), UnknownField(name, KnownNames())});
  }
  return errors;
}

std::vector<FieldError> CheckMetadata(const json& object) {
  const auto it = object.find("metadata");
  if (it == object.end() || it->is_null()) {
    return {{"metadata.name", "Required value: name or generateName is required"}};
  }
  if (!it->is_object()) return {{"metadata", "must be of type object"}};
  return MetadataCheck(*it).Run();
}

}  // namespace stoker::api
