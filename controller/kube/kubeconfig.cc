#include "controller/kube/kubeconfig.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "controller/base/hash.h"

namespace stoker::kube {
namespace {

// A named item (cluster, user or context) and the file it came from.
struct Item {
  YAML::Node body;
  std::string file;
};

struct Merged {
  std::string current_context;
  std::map<std::string, Item> clusters, users, contexts;
};

std::string Text(const YAML::Node& node, const char* key) {
  const YAML::Node value = node[key];
  return value && value.IsScalar() ? value.Scalar() : std::string();
}

bool Flag(const YAML::Node& node, const char* key) { return Text(node, key) == "true"; }

void Gather(const YAML::Node& list, const char* key, const std::string& file,
            std::map<std::string, Item>& into) {
  if (!list || !list.IsSequence()) return;
  for (const auto& entry : list) {
    if (entry.IsMap()) into.try_emplace(Text(entry, "name"), Item{entry[key], file});
  }
}

Status MergeFile(const std::string& file, Merged& merged) {
  try {
    const YAML::Node root = YAML::LoadFile(file);
    if (root.IsNull()) return {};
    if (!root.IsMap()) return Invalid("kubeconfig " + file + ": must be a map");
    if (merged.current_context.empty()) merged.current_context = Text(root, "current-context");
    Gather(root["clusters"], "cluster", file, merged.clusters);
    Gather(root["users"], "user", file, merged.users);
    Gather(root["contexts"], "context", file, merged.contexts);
    return {};
  } catch (const YAML::Exception& e) {
    // Only the place: the parser's sentence may quote what it read.
    return Invalid(fmt::format("kubeconfig {}: line {} is not YAML", file, e.mark.line + 1));
  }
}

std::string Resolve(const std::string& path, const std::string& file) {
  if (path.empty()) return path;
  const std::filesystem::path p(path);
  return p.is_absolute() ? path : (std::filesystem::path(file).parent_path() / p).string();
}

Result<std::string> Decode(const YAML::Node& node, const char* key, const std::string& where) {
  std::string bytes;
  const std::string text = Text(node, key);
  if (!text.empty() && !Base64Decode(text, bytes)) {
    return Invalid(where + "." + key + " is not base64");
  }
  return bytes;
}

Status ReadCluster(const Item& item, const std::string& where, Config& config) {
  const YAML::Node& cluster = item.body;
  config.server = Text(cluster, "server");
  if (config.server.empty()) return Invalid(where + ".server is missing");
  if (!Text(cluster, "proxy-url").empty()) {
    return Invalid(where + ".proxy-url is not supported: reach the API server without a proxy");
  }
  config.insecure_skip_tls_verify = Flag(cluster, "insecure-skip-tls-verify");
  config.tls_server_name = Text(cluster, "tls-server-name");
  STOKER_TRY(config.ca_pem, Decode(cluster, "certificate-authority-data", where));
  const std::string ca_file = Resolve(Text(cluster, "certificate-authority"), item.file);
  if (config.ca_pem.empty() && !ca_file.empty()) {
    std::ifstream file(ca_file, std::ios::binary);
    config.ca_pem.assign(std::istreambuf_iterator<char>(file), {});
    if (config.ca_pem.empty()) {
      return Invalid(where + ".certificate-authority: " + ca_file + " cannot be read");
    }
  }
  return {};
}

Result<ExecCredential> ReadExec(const YAML::Node& node, const std::string& where,
                                const std::string& file) {
  ExecCredential exec;
  exec.api_version = Text(node, "apiVersion");
  if (exec.api_version != "client.authentication.k8s.io/v1" &&
      exec.api_version != "client.authentication.k8s.io/v1beta1") {
    return Invalid(where + ".exec.apiVersion must be client.authentication.k8s.io/v1 or v1beta1");
  }
  if (Text(node, "interactiveMode") == "Always") {
    return Invalid(where + ".exec.interactiveMode is Always, but there is no terminal to ask on");
  }
  exec.command = Text(node, "command");
  if (exec.command.empty()) return Invalid(where + ".exec.command is missing");
  if (exec.command.find('/') != std::string::npos) exec.command = Resolve(exec.command, file);
  for (const auto& arg : node["args"]) exec.args.push_back(arg.Scalar());
  for (const auto& entry : node["env"]) exec.env[Text(entry, "name")] = Text(entry, "value");
  exec.install_hint = Text(node, "installHint");
  exec.provide_cluster_info = Flag(node, "provideClusterInfo");
  return exec;
}

Status ReadUser(const Item& item, const std::string& where, Config& config) {
  const YAML::Node& user = item.body;
  for (const char* unsupported : {"auth-provider", "as", "as-uid", "as-groups", "as-user-extra"}) {
    if (user[unsupported]) {
      return Invalid(where + "." + unsupported +
                     " is not supported: use a certificate, a token or exec");
    }
  }
  STOKER_TRY(config.client_cert_pem, Decode(user, "client-certificate-data", where));
  STOKER_TRY(config.client_key_pem, Decode(user, "client-key-data", where));
  config.client_cert_file = Resolve(Text(user, "client-certificate"), item.file);
  config.client_key_file = Resolve(Text(user, "client-key"), item.file);
  const bool has_cert = !config.client_cert_pem.empty() || !config.client_cert_file.empty();
  const bool has_key = !config.client_key_pem.empty() || !config.client_key_file.empty();
  if (has_cert != has_key) {
    return Invalid(where + " needs client-certificate and client-key together");
  }
  config.token = Text(user, "token");
  config.token_file = Resolve(Text(user, "tokenFile"), item.file);
  config.username = Text(user, "username");
  config.password = Text(user, "password");
  if (user["exec"]) {
    STOKER_TRY(config.exec, ReadExec(user["exec"], where, item.file));
  }
  return {};
}

Result<Item> Find(const std::map<std::string, Item>& items, const std::string& kind,
                  const std::string& name, const std::string& files) {
  const auto it = items.find(name);
  if (it == items.end()) {
    return Invalid(fmt::format("kubeconfig {}: there is no {} named \"{}\"", files, kind, name));
  }
  if (!it->second.body || !it->second.body.IsMap()) {
    return Invalid(
        fmt::format("kubeconfig {}: the {} \"{}\" is empty", it->second.file, kind, name));
  }
  return it->second;
}

std::string Where(const Item& item, const char* kind, const std::string& name) {
  return fmt::format("kubeconfig {}: {}[{}]", item.file, kind, name);
}

Result<Config> Select(const Merged& merged, const std::string& context, const std::string& files) {
  const std::string name = context.empty() ? merged.current_context : context;
  if (name.empty()) {
    return Invalid("kubeconfig " + files + ": current-context is not set; name a context");
  }
  STOKER_TRY(const Item chosen, Find(merged.contexts, "context", name, files));
  const std::string cluster_name = Text(chosen.body, "cluster");
  const std::string user_name = Text(chosen.body, "user");
  STOKER_TRY(const Item cluster, Find(merged.clusters, "cluster", cluster_name, files));
  Config config;
  STOKER_CHECK(ReadCluster(cluster, Where(cluster, "clusters", cluster_name), config));
  if (!user_name.empty()) {
    STOKER_TRY(const Item user, Find(merged.users, "user", user_name, files));
    STOKER_CHECK(ReadUser(user, Where(user, "users", user_name), config));
  }
  if (const std::string ns = Text(chosen.body, "namespace"); !ns.empty()) config.namespace_ = ns;
  return config;
}

}  // namespace

Result<Config> LoadKubeconfig(const std::vector<std::string>& files, const std::string& context) {
  Merged merged;
  std::string names;
  bool found = false;
  for (const auto& file : files) {
    names += (names.empty() ? "" : ":") + file;
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) continue;
    found = true;
    STOKER_CHECK(MergeFile(file, merged));
  }
  if (!found) return NotFound("kubeconfig " + names + " does not exist");
  try {
    return Select(merged, context, names);
  } catch (const YAML::Exception& e) {
    return Invalid("kubeconfig " + names + ": a field has the wrong type");
  }
}

}  // namespace stoker::kube
