#include "controller/kube/config.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "controller/kube/cpprest_transport.h"
#include "controller/kube/credentials.h"
#include "controller/kube/kubeconfig.h"

namespace stoker::kube {
namespace {

std::string ProcessEnvironment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::string() : std::string(value);
}

std::vector<std::string> SplitPaths(const std::string& list) {
  std::vector<std::string> paths;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(':', begin), list.size());
    if (end > begin) paths.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return paths;
}

std::string Slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Result<Config> LoadInCluster(const std::string& host, const std::string& port,
                             const std::string& dir) {
  Config config;
  config.in_cluster = true;
  // The HTTP library cannot dial IPv6 addresses; the service's name always leads to the same place.
  const bool ipv6 = host.find(':') != std::string::npos;
  config.server = "https://" + (ipv6 ? "kubernetes.default.svc" : host) + ":" + port;
  config.token_file = dir + "/token";
  config.ca_pem = Slurp(dir + "/ca.crt");
  if (config.ca_pem.empty()) {
    return Invalid(dir +
                   "/ca.crt cannot be read: the pod's service account is not mounted "
                   "(automountServiceAccountToken)");
  }
  if (const std::string ns = Slurp(dir + "/namespace"); !ns.empty()) config.namespace_ = ns;
  return config;
}

}  // namespace

Result<Config> LoadConfig(const ConfigOptions& options) {
  const auto env = options.env ? options.env : ProcessEnvironment;
  if (!options.kubeconfig.empty()) return LoadKubeconfig({options.kubeconfig}, options.context);
  if (const auto files = SplitPaths(env("KUBECONFIG")); !files.empty()) {
    return LoadKubeconfig(files, options.context);
  }
  const std::string host = env("KUBERNETES_SERVICE_HOST");
  const std::string port = env("KUBERNETES_SERVICE_PORT");
  std::error_code ignored;
  if (!host.empty() && !port.empty() && options.context.empty() &&
      std::filesystem::exists(options.service_account_dir + "/token", ignored)) {
    return LoadInCluster(host, port, options.service_account_dir);
  }
  const std::string file = env("HOME") + "/.kube/config";
  if (!std::filesystem::exists(file, ignored)) {
    return NotFound("no Kubernetes cluster is configured: set KUBECONFIG or pass --kubeconfig (" +
                    file + " does not exist, and this is not a pod with a service account)");
  }
  return LoadKubeconfig({file}, options.context);
}

Result<std::shared_ptr<Transport>> MakeTransport(const Config& config) {
  CpprestOptions options;
  options.server = config.server;
  options.ca_pem = config.ca_pem;
  options.insecure_skip_tls_verify = config.insecure_skip_tls_verify;
  options.tls_server_name = config.tls_server_name;
  options.credentials = MakeCredentials(config);
  return MakeCpprestTransport(std::move(options));
}

}  // namespace stoker::kube
