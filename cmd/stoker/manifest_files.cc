#include "cmd/stoker/manifest_files.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "controller/api/manifest.h"
#include "controller/base/hash.h"
#include "controller/schedule/cron.h"

namespace stoker::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxManifestBytes = 4 << 20;

std::string TextMember(const json& object, const char* name) {
  const auto member = object.is_object() ? object.find(name) : object.end();
  return member != object.end() && member->is_string() ? member->get<std::string>() : std::string();
}

Result<std::string> ReadAll(std::istream& stream) {
  std::string text(kMaxManifestBytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > kMaxManifestBytes) return Invalid("is larger than 4 MiB, which no manifest is");
  return text;
}

Result<std::string> ReadText(const std::string& file, std::istream& standard_input) {
  if (file == "-") return ReadAll(standard_input);
  if (file.empty()) return Invalid("a file without a name was given");
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored))
    return Invalid("is a directory; name the files in it");
  std::ifstream stream(file, std::ios::binary);
  if (!stream)
    return NotFound(fmt::format("cannot be read: {}", std::generic_category().message(errno)));
  return ReadAll(stream);
}

// Two spellings of one file have one identity.
std::string Identity(const std::string& file) {
  std::error_code failure;
  const auto path = std::filesystem::canonical(file, failure);
  return failure ? file : path.string();
}

class Reader {
 public:
  explicit Reader(Manifests& manifests) : manifests_(manifests) {}

  void ReadFile(const std::string& file, std::istream& standard_input) {
    file_ = file == "-" ? "standard input" : file.empty() ? "-f" : file;
    if (!seen_.insert(file == "-" ? file : Identity(file)).second) {
      manifests_.notes.push_back(file_ + " is given twice; it is read once");
      return;
    }
    const auto text = ReadText(file, standard_input);
    if (!text) return Complain(text.error().message);
    auto documents = api::ParseDocuments(*text);
    if (!documents) return Complain(documents.error().message);
    if (documents->empty()) return Complain("holds no manifest");
    for (json& document : *documents) ReadDocument(document);
  }

 private:
  void Complain(const std::string& message) { manifests_.errors.push_back(file_ + ": " + message); }
  void Complain(const json& object, const std::string& field, const std::string& message) {
    Complain(api::ToError(object, {{field, message}}).message);
  }

  void ReadDocument(json& object) {
    const std::string kind = TextMember(object, "kind");
    const std::string version = TextMember(object, "apiVersion");
    if (version == "v1" && kind == "List") {
      if (const auto items = object.find("items"); items != object.end() && items->is_array())
        for (json& item : *items) ReadDocument(item);
      return;
    }
    if (version == "v1" && kind == "Secret") return ReadSecret(object);
    if (version == "v1" && kind == "ConfigMap") return ReadConfigMap(object);
    const bool ours = kind == "WarmingPolicy" || kind == "PrewarmSchedule" ||
                      version.starts_with("stoker.dev/") || kind.empty() || version.empty();
    if (ours) return ReadOwn(object, kind);
    manifests_.notes.push_back(fmt::format("{}: {} {} is not Stoker's; left alone", file_, kind,
                                           FullName(api::ToObjectMeta(object))));
  }

  void ReadOwn(json& object, const std::string& kind) {
    const auto errors = api::DefaultAndValidate(object);
    for (const auto& error : errors) Complain(object, error.field, error.message);
    if (!errors.empty()) return;
    if (kind == "WarmingPolicy") {
      auto policy = api::ToWarmingPolicy(object);
      if (!policy) return Complain(object, "", policy.error().message);
      manifests_.policies.push_back({file_, std::move(*policy)});
    } else {
      ReadSchedule(object);
    }
  }

  void ReadSchedule(const json& object) {
    auto schedule = api::ToPrewarmSchedule(object);
    if (!schedule) return Complain(object, "", schedule.error().message);
    const auto cron = schedule::Cron::Parse(schedule->spec.schedule);
    if (!cron) Complain(object, "spec.schedules[0]", cron.error().message);
    const auto zone = schedule::Zone::Find(schedule->spec.time_zone);
    if (!zone) Complain(object, "spec.timeZone", zone.error().message);
    if (cron && zone) manifests_.schedules.push_back({file_, std::move(*schedule)});
  }

  // `plain` holds text, `encoded` Base64; nullopt-like false when something in them is wrong.
  bool ReadKeys(const json& object, const char* plain, const char* encoded, NamedKeys& named) {
    const api::ObjectMeta meta = api::ToObjectMeta(object);
    named.namespace_ = meta.namespace_;
    named.name = meta.name;
    if (meta.name.empty()) return Complain(object, "metadata.name", "is required"), false;
    for (const char* member : {encoded, plain}) {  // stringData wins over data, as on the server
      const auto keys = object.find(member);
      if (keys == object.end() || keys->is_null()) continue;
      if (!keys->is_object())
        return Complain(object, member, "must be an object of strings"), false;
      for (const auto& [key, value] : keys->items()) {
        const std::string field = fmt::format("{}[{}]", member, key);
        if (!value.is_string()) return Complain(object, field, "must be a string; quote it"), false;
        std::string bytes = value.get<std::string>();
        if (member == encoded && !Base64Decode(value.get_ref<const std::string&>(), bytes))
          return Complain(object, field,
                          fmt::format("is not Base64; write plain text to {}", plain)),
                 false;
        named.keys[key] = std::move(bytes);
      }
    }
    return true;
  }

  void ReadSecret(const json& object) {
    if (NamedKeys named; ReadKeys(object, "stringData", "data", named))
      manifests_.secrets.push_back(std::move(named));
  }
  void ReadConfigMap(const json& object) {
    if (NamedKeys named; ReadKeys(object, "data", "binaryData", named))
      manifests_.config_maps.push_back(std::move(named));
  }

  Manifests& manifests_;
  std::string file_;
  std::set<std::string> seen_;
};

bool Reaches(const api::WarmingPolicy& policy, const NamedKeys& named) {
  return named.namespace_.empty() || policy.meta.namespace_.empty() ||
         named.namespace_ == policy.meta.namespace_;
}

// Why a command that is about one policy cannot go on with several.
Error Ambiguous(const std::vector<const PolicyManifest*>& found) {
  std::map<std::string, std::string> files;
  std::string names;
  for (const PolicyManifest* manifest : found) {
    const std::string name = FullName(manifest->policy.meta);
    const auto [first, is_new] = files.try_emplace(name, manifest->file);
    if (!is_new) {
      return Invalid(first->second == manifest->file
                         ? fmt::format("WarmingPolicy {} is twice in {}; remove one of them", name,
                                       manifest->file)
                         : fmt::format("WarmingPolicy {} is in {} and again in {}; leave one out",
                                       name, first->second, manifest->file));
    }
    names += (names.empty() ? "" : ", ") + name;
  }
  return Invalid(
      fmt::format("the files hold several policies ({}); choose one with --policy NAME", names));
}

}  // namespace

std::string FullName(const api::ObjectMeta& meta) {
  return meta.namespace_.empty() ? meta.name : meta.namespace_ + "/" + meta.name;
}

Manifests ReadManifests(const std::vector<std::string>& files, std::istream& standard_input) {
  Manifests manifests;
  Reader reader(manifests);
  for (const std::string& file : files) reader.ReadFile(file, standard_input);
  return manifests;
}

Result<PolicyManifest> ChoosePolicy(const Manifests& manifests, const std::string& name) {
  std::vector<const PolicyManifest*> found;
  std::string names;
  for (const PolicyManifest& manifest : manifests.policies) {
    const api::ObjectMeta& meta = manifest.policy.meta;
    names += (names.empty() ? "" : ", ") + FullName(meta);
    if (name.empty() || name == meta.name || name == FullName(meta)) found.push_back(&manifest);
  }
  if (manifests.policies.empty()) return Invalid("the files hold no WarmingPolicy");
  if (found.empty())
    return Invalid(fmt::format("--policy {}: the files hold only {}", name, names));
  if (found.size() > 1) return Ambiguous(found);
  return *found[0];
}

Result<std::shared_ptr<cmd::GivenMaterials>> MaterialsFor(
    const api::WarmingPolicy& policy, const Manifests& manifests,
    const std::vector<std::string>& secret_dirs) {
  auto materials = std::make_shared<cmd::GivenMaterials>();
  for (const NamedKeys& secret : manifests.secrets)
    if (Reaches(policy, secret)) materials->AddSecret(secret.name, secret.keys);
  for (const NamedKeys& config_map : manifests.config_maps)
    if (Reaches(policy, config_map)) materials->AddConfigMap(config_map.name, config_map.keys);
  for (const std::string& option : secret_dirs) {
    const std::size_t equals = option.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == option.size())
      return Invalid(fmt::format("--secret {}: must be NAME=DIR", option));
    auto keys = cmd::ReadKeysOfDirectory(option.substr(equals + 1));
    if (!keys) return Annotate("--secret " + option.substr(0, equals), keys.error());
    materials->AddSecret(option.substr(0, equals), std::move(*keys));
  }
  return materials;
}

}  // namespace stoker::cli
