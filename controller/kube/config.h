#pragma once

// Where the API server is and who we are there: from kubeconfig files, or from inside a pod.
//
// The order is kubectl's: an explicit path, KUBECONFIG (a list of files, merged, first wins), the
// service account of the pod we run in, ~/.kube/config. Credentials may be certificates (files or
// data), a token, a token file that rotates (read again every minute), basic user, or an exec
// plugin (client.authentication.k8s.io/v1, v1beta1; its answer cached until it expires).
//
// Thread safety: plain values; BearerToken() of a made transport is its own business.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/result.h"
#include "controller/kube/transport.h"

namespace stoker::kube {

struct ExecCredential {
  std::string api_version;
  std::string command;
  std::vector<std::string> args;
  std::map<std::string, std::string> env;
  std::string install_hint;  // shown when the command is missing
  bool provide_cluster_info = false;
};

struct Config {
  std::string server;  // https://host:port, may have a path
  std::string ca_pem;  // empty: the system's
  bool insecure_skip_tls_verify = false;
  std::string tls_server_name;
  std::string client_cert_pem, client_key_pem;    // inline, or
  std::string client_cert_file, client_key_file;  // read on every new connection: rotation is free
  std::string token;
  std::string token_file;  // read again every minute
  std::string username, password;
  std::optional<ExecCredential> exec;
  // NOLINTNEXTLINE(readability-identifier-naming): the word itself is C++'s
  std::string namespace_ = "default";  // of the context, or of the pod
  bool in_cluster = false;
};

struct ConfigOptions {
  std::string kubeconfig;  // explicit path; empty: look
  std::string context;     // empty: current-context
  // The surroundings: environment variables (null: the process's own) and the pod's service
  // account.
  std::function<std::string(const std::string& name)> env;
  std::string service_account_dir = "/var/run/secrets/kubernetes.io/serviceaccount";
};

Result<Config> LoadConfig(const ConfigOptions& options = {});
Result<std::shared_ptr<Transport>> MakeTransport(const Config& config);

// The HTTP library has one pool of threads for the whole process, 40 unless told otherwise. Call
// this first in main to have four; MakeTransport() does it too, which is early enough where nothing
// else uses the library.
void InitializeTransportThreads();

}  // namespace stoker::kube
