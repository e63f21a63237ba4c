#pragma once

// A real Kubernetes API server for a test: etcd and kube-apiserver (and kube-controller-manager
// where Jobs shall run to something) on ports of their own, in a folder of their own.
//
// The programs come from $KUBEBUILDER_ASSETS, else from ~/.cache/stoker-cluster/bin, where
// `tests/cluster/cluster build` puts them. Starting takes a few seconds, so share one per test
// suite (SetUpTestSuite) and give every test a namespace of its own (MakeNamespace). The
// constructor throws std::runtime_error, with what the servers said last, when they do not come up.
//
// Thread safety: one thread, the one that made it (its servers die with that thread).

#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace stoker::testing {

struct ApiServerOptions {
  bool controller_manager = false;       // Jobs get pods objects, owners are collected, TTLs fire
  std::vector<std::string> extra_flags;  // appended to kube-apiserver's
};

class ApiServer {
 public:
  explicit ApiServer(ApiServerOptions options = {});
  ~ApiServer();
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  // Everything of an administrator (group system:masters).
  [[nodiscard]] std::string url() const;  // https://127.0.0.1:port
  [[nodiscard]] const std::string& kubeconfig() const { return kubeconfig_; }  // by certificate
  [[nodiscard]] const std::string& token() const { return token_; }
  [[nodiscard]] std::string ca_file() const { return PkiPath("ca.crt"); }
  [[nodiscard]] std::string cert_file() const { return PkiPath("admin.crt"); }
  [[nodiscard]] std::string key_file() const { return PkiPath("admin.key"); }
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] const TempDir& dir() const { return dir_; }

  // Runs kubectl as administrator, `input` being its standard input (for `apply -f -`).
  [[nodiscard]] CommandResult Kubectl(std::vector<std::string> args,
                                      const std::string& input = {}) const;
  // As Kubectl, but throws with kubectl's own words when it fails. Returns stdout.
  std::string MustKubectl(std::vector<std::string> args, const std::string& input = {}) const;
  // A fresh namespace with a name that no other test has; labels as "key=value".
  std::string MakeNamespace(const std::vector<std::string>& labels = {});

  void KillApiServer();     // SIGKILL
  void RestartApiServer();  // on the same port; waits until it is ready
  void PauseEtcd();         // SIGSTOP: the API server answers, but nothing can be read or written
  void ResumeEtcd();

  // Makes a key and a certificate for a client (or server) signed by the cluster's CA; returns
  // {certificate file, key file}. `san` as openssl writes it: "IP:127.0.0.1,DNS:localhost".
  struct Certificate {
    std::string cert_file, key_file;
  };
  [[nodiscard]] Certificate Issue(const std::string& name, const std::string& subject,
                                  const std::string& san) const;

 private:
  [[nodiscard]] std::string PkiPath(const std::string& name) const;
  void MakeCertificates();
  void MakeKubeconfig();
  void StartEtcd();
  void StartApiServer();
  void StartControllerManager();
  [[nodiscard]] bool Ready() const;

  const ApiServerOptions options_;
  const std::string bin_;
  const TempDir dir_;
  const std::string token_;
  int port_ = 0;
  int etcd_port_ = 0;
  int namespaces_ = 0;
  std::string kubeconfig_;
  std::unique_ptr<Process> etcd_, api_server_, controller_manager_;
};

// Makes a CA, and certificates signed by it, for tests of TLS. Files land in `dir`.
void MakeCa(const std::string& dir, const std::string& common_name = "stoker-test-ca");
ApiServer::Certificate IssueCertificate(const std::string& dir, const std::string& name,
                                        const std::string& subject, const std::string& san);

}  // namespace stoker::testing
