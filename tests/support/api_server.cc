#include "tests/support/api_server.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <utility>

namespace stoker::testing {
namespace {

constexpr std::chrono::seconds kStartTimeout(90);
constexpr char kLoopback[] = "127.0.0.1";

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string FindPrograms(bool controller_manager) {
  std::vector<std::string> needed = {"etcd", "kube-apiserver", "kubectl"};
  if (controller_manager) needed.push_back("kube-controller-manager");
  const std::vector<std::string> folders = {Environment("KUBEBUILDER_ASSETS"),
                                            Environment("HOME") + "/.cache/stoker-cluster/bin"};
  std::string missing;
  for (const auto& folder : folders) {
    if (folder.empty()) continue;
    missing.clear();
    for (const auto& program : needed) {
      if (access((folder + "/" + program).c_str(), X_OK) != 0) missing += " " + program;
    }
    if (missing.empty()) return folder;
  }
  throw std::runtime_error("Kubernetes' programs are not here (missing in " + folders.back() + ":" +
                           missing +
                           "): run `tests/cluster/cluster build`, or point "
                           "KUBEBUILDER_ASSETS at a folder that holds them");
}

void OpenSsl(std::vector<std::string> args) {
  args.insert(args.begin(), "openssl");
  const auto result = RunCommand(args);
  if (result.exit_code != 0) {
    throw std::runtime_error("openssl " + args[1] + " failed: " + result.err);
  }
}

std::string RandomToken() {
  std::array<unsigned char, 16> bytes{};
  if (getentropy(bytes.data(), bytes.size()) != 0) throw std::runtime_error("getentropy failed");
  std::string token = "test-";
  for (const unsigned char byte : bytes) {
    token += "0123456789abcdef"[byte >> 4];
    token += "0123456789abcdef"[byte & 15];
  }
  return token;
}

std::string LastLines(const Process& process) {
  const std::string output = process.Output();
  return output.size() > 2000 ? output.substr(output.size() - 2000) : output;
}

}  // namespace

void MakeCa(const std::string& dir, const std::string& common_name) {
  std::filesystem::create_directories(dir);
  OpenSsl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
           "-days", "30", "-subj", "/CN=" + common_name, "-keyout", dir + "/ca.key", "-out",
           dir + "/ca.crt"});
}

ApiServer::Certificate IssueCertificate(const std::string& dir, const std::string& name,
                                        const std::string& subject, const std::string& san) {
  const std::string base = dir + "/" + name;
  OpenSsl({"req",
           "-x509",
           "-newkey",
           "ec",
           "-pkeyopt",
           "ec_paramgen_curve:P-256",
           "-nodes",
           "-days",
           "30",
           "-subj",
           subject,
           "-addext",
           "subjectAltName=" + san,
           "-addext",
           "basicConstraints=critical,CA:FALSE",
           "-CA",
           dir + "/ca.crt",
           "-CAkey",
           dir + "/ca.key",
           "-keyout",
           base + ".key",
           "-out",
           base + ".crt"});
  return {base + ".crt", base + ".key"};
}

ApiServer::ApiServer(ApiServerOptions options)
    : options_(std::move(options)),
      bin_(FindPrograms(options_.controller_manager)),
      token_(RandomToken()) {
  MakeCertificates();
  port_ = FreePort();
  MakeKubeconfig();
  StartEtcd();
  StartApiServer();
  if (options_.controller_manager) StartControllerManager();
}

// Clients first, etcd last.
ApiServer::~ApiServer() {
  ResumeEtcd();
  controller_manager_.reset();
  api_server_.reset();
  etcd_.reset();
}

std::string ApiServer::PkiPath(const std::string& name) const {
  return dir_.path() + "/pki/" + name;
}
std::string ApiServer::url() const { return "https://127.0.0.1:" + std::to_string(port_); }

ApiServer::Certificate ApiServer::Issue(const std::string& name, const std::string& subject,
                                        const std::string& san) const {
  return IssueCertificate(dir_.path() + "/pki", name, subject, san);
}

void ApiServer::MakeCertificates() {
  MakeCa(dir_.path() + "/pki");
  (void)Issue("apiserver", "/CN=kube-apiserver",
              "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:10.96.0.1");
  (void)Issue("admin", "/O=system:masters/CN=admin", "DNS:admin");
  OpenSsl({"genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
           PkiPath("sa.key")});
  OpenSsl({"pkey", "-in", PkiPath("sa.key"), "-pubout", "-out", PkiPath("sa.pub")});
  (void)dir_.File("pki/tokens.csv", token_ + ",admin,admin,\"system:masters\"\n");
}

void ApiServer::MakeKubeconfig() {
  kubeconfig_ =
      dir_.File("admin.kubeconfig",
                "apiVersion: v1\nkind: Config\ncurrent-context: test\n"
                "clusters:\n- name: test\n  cluster: {server: \"" +
                    url() + "\", certificate-authority: " + ca_file() +
                    "}\nusers:\n- name: admin\n  user: {client-certificate: " + cert_file() +
                    ", client-key: " + key_file() +
                    "}\ncontexts:\n- name: test\n  context: {cluster: test, user: admin}\n");
}

void ApiServer::StartEtcd() {
  for (int attempt = 0; attempt < 3; ++attempt) {  // another program may take the port in between
    etcd_port_ = FreePort();
    const std::string client = "http://127.0.0.1:" + std::to_string(etcd_port_);
    const std::string peer = "http://127.0.0.1:" + std::to_string(FreePort());
    etcd_ = std::make_unique<Process>(
        std::vector<std::string>{
            bin_ + "/etcd", "--data-dir", dir_.path() + "/etcd", "--unsafe-no-fsync",
            "--listen-client-urls", client, "--advertise-client-urls", client, "--listen-peer-urls",
            peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default=" + peer},
        dir_.path() + "/etcd.log");
    if (WaitFor([&] { return CanConnect(etcd_port_) || !etcd_->Running(); }, kStartTimeout) &&
        etcd_->Running()) {
      return;
    }
  }
  throw std::runtime_error("etcd did not start: " + LastLines(*etcd_));
}

void ApiServer::StartApiServer() {
  std::vector<std::string> argv = {
      bin_ + "/kube-apiserver",
      "--etcd-servers=http://127.0.0.1:" + std::to_string(etcd_port_),
      "--secure-port=" + std::to_string(port_),
      std::string("--bind-address=") + kLoopback,
      std::string("--advertise-address=") + kLoopback,
      "--endpoint-reconciler-type=none",
      "--tls-cert-file=" + PkiPath("apiserver.crt"),
      "--tls-private-key-file=" + PkiPath("apiserver.key"),
      "--client-ca-file=" + ca_file(),
      "--token-auth-file=" + PkiPath("tokens.csv"),
      "--service-account-key-file=" + PkiPath("sa.pub"),
      "--service-account-signing-key-file=" + PkiPath("sa.key"),
      "--service-account-issuer=https://kubernetes.default.svc",
      "--service-cluster-ip-range=10.96.0.0/16",
      "--authorization-mode=RBAC",
      "--allow-privileged",
  };
  // Without a controller manager nobody makes service accounts, and Pods could not be created.
  if (!options_.controller_manager) argv.push_back("--disable-admission-plugins=ServiceAccount");
  argv.insert(argv.end(), options_.extra_flags.begin(), options_.extra_flags.end());
  api_server_ = std::make_unique<Process>(argv, dir_.path() + "/kube-apiserver.log");
  const bool ready = WaitFor([&] { return !api_server_->Running() || Ready(); }, kStartTimeout,
                             std::chrono::milliseconds(100));
  if (!ready || !api_server_->Running()) {
    throw std::runtime_error("kube-apiserver did not become ready: " + LastLines(*api_server_));
  }
}

bool ApiServer::Ready() const {
  return CanConnect(port_) && Kubectl({"get", "--raw", "/readyz"}).exit_code == 0 &&
         Kubectl({"get", "namespace", "default"}).exit_code == 0;
}

void ApiServer::StartControllerManager() {
  controller_manager_ = std::make_unique<Process>(
      std::vector<std::string>{bin_ + "/kube-controller-manager", "--kubeconfig=" + kubeconfig_,
                               "--leader-elect=false", "--use-service-account-credentials",
                               "--service-account-private-key-file=" + PkiPath("sa.key"),
                               "--root-ca-file=" + ca_file(), "--secure-port=0"},
      dir_.path() + "/kube-controller-manager.log");
  const bool ready = WaitFor(
      [&] {
        return !controller_manager_->Running() ||
               Kubectl({"-n", "default", "get", "serviceaccount", "default"}).exit_code == 0;
      },
      kStartTimeout, std::chrono::milliseconds(100));
  if (!ready || !controller_manager_->Running()) {
    throw std::runtime_error("kube-controller-manager did not start: " +
                             LastLines(*controller_manager_));
  }
}

CommandResult ApiServer::Kubectl(std::vector<std::string> args, const std::string& input) const {
  args.insert(args.begin(), {bin_ + "/kubectl", "--kubeconfig", kubeconfig_});
  return RunCommand(args, input, std::chrono::seconds(60), {{"HOME", dir_.path()}});
}

std::string ApiServer::MustKubectl(std::vector<std::string> args, const std::string& input) const {
  std::string command;
  for (const auto& arg : args) command += " " + arg;
  CommandResult result = Kubectl(std::move(args), input);
  if (result.exit_code != 0) throw std::runtime_error("kubectl" + command + ": " + result.err);
  return std::move(result.out);
}

std::string ApiServer::MakeNamespace(const std::vector<std::string>& labels) {
  std::string name = "test-" + std::to_string(++namespaces_);
  MustKubectl({"create", "namespace", name});
  for (const auto& label : labels) MustKubectl({"label", "namespace", name, label});
  if (options_.controller_manager) {  // Pods need the account that the controller manager makes
    WaitFor(
        [&] { return Kubectl({"-n", name, "get", "serviceaccount", "default"}).exit_code == 0; });
  }
  return name;
}

void ApiServer::KillApiServer() {
  api_server_->Signal(SIGKILL);
  api_server_->Wait();
}

void ApiServer::RestartApiServer() {
  if (api_server_->Running()) KillApiServer();
  StartApiServer();
}

void ApiServer::PauseEtcd() {
  if (etcd_) etcd_->Signal(SIGSTOP);
}
void ApiServer::ResumeEtcd() {
  if (etcd_) etcd_->Signal(SIGCONT);
}

}  // namespace stoker::testing
