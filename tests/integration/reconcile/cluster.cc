#include "tests/integration/reconcile/cluster.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <sstream>

#include "controller/reconcile/pod_progress.h"

namespace stoker::testing {
namespace {

using nlohmann::json;

std::unique_ptr<ApiServer>& Instance() {
  static std::unique_ptr<ApiServer> server;
  return server;
}

constexpr char kAuditPolicy[] = R"({"apiVersion": "audit.k8s.io/v1", "kind": "Policy",
    "rules": [{"level": "Metadata"}]})";

const TempDir& AuditDir() {
  static const TempDir dir;
  return dir;
}

// A port that the controller says it serves health on; 0: it has not said so.
int HealthPort(const std::string& log) {
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    const json entry = json::parse(line, nullptr, false);
    if (entry.is_object() && entry.contains("health")) return std::stoi(entry.value("health", "0"));
  }
  return 0;
}

class EndServer final : public ::testing::Environment {
  void TearDown() override { Instance().reset(); }
};

const ::testing::Environment* const kEndServer =
    ::testing::AddGlobalTestEnvironment(new EndServer);  // owned by GoogleTest

}  // namespace

ApiServer& Cluster() {
  if (!Instance()) {
    ApiServerOptions options;
    options.controller_manager = true;
    options.extra_flags = {"--audit-log-path=" + AuditLog(),
                           "--audit-policy-file=" + AuditDir().File("policy.yaml", kAuditPolicy)};
    Instance() = std::make_unique<ApiServer>(options);
    InstallCrds(*Instance());
  }
  return *Instance();
}

void InstallCrds(const ApiServer& server) {
  for (const char* kind : {"warmingpolicies", "prewarmschedules"}) {
    server.MustKubectl({"apply", "--server-side", "-f",
                        std::string(STOKER_SOURCE_DIR) + "/crds/stoker.dev_" + kind + ".yaml"});
    server.MustKubectl({"wait", "--for=condition=Established", "--timeout=30s",
                        "crd/" + std::string(kind) + ".stoker.dev"});
  }
}

std::string AuditLog() { return AuditDir().path() + "/audit.log"; }

ControllerProcess::ControllerProcess(const std::string& lease,
                                     const std::vector<std::string>& flags) {
  static std::atomic<int> count{0};
  std::vector<std::string> argv = {std::string(STOKER_BIN_DIR) + "/stoker-controller",
                                   "--kubeconfig=" + Cluster().kubeconfig(),
                                   "--lease-namespace=default",
                                   "--lease-name=" + lease,
                                   "--lease-duration=3s",
                                   "--lease-renew-deadline=2s",
                                   "--lease-retry-period=500ms",
                                   "--checkpoint-every=500ms",
                                   "--health-address=127.0.0.1",
                                   "--health-port=0",
                                   "--in-process-egress-allow=127.0.0.1",
                                   "--recheck-interval=1s",
                                   "--log-level=debug"};
  for (const std::string& flag : flags) {
    const std::string name = flag.substr(0, flag.find('=') + 1);
    std::erase_if(argv, [&](const std::string& given) { return given.starts_with(name); });
    argv.push_back(flag);
  }
  const std::string output =
      Cluster().dir().path() + "/controller-" + std::to_string(++count) + ".log";
  process_ = std::make_unique<Process>(argv, output);
}

bool ControllerProcess::Healthy() const {
  const int port = HealthPort(process_->Output());
  const std::string url = "http://127.0.0.1:" + std::to_string(port) + "/healthz";
  return port != 0 && reconcile::HttpProgressGetter()(url).has_value();
}

Shop::Shop(const std::string& nginx_locations, bool in_process)
    : ns_(Cluster().MakeNamespace(in_process
                                      ? std::vector<std::string>{"stoker.dev/in-process=allowed"}
                                      : std::vector<std::string>{})),
      nginx_(nginx_locations) {}

Shop::~Shop() { (void)Cluster().Kubectl({"-n", ns_, "delete", "wp,pws", "--all", "--wait=false"}); }

json Shop::Policy(const std::string& name, int entries, const json& spec) const {
  json object = {
      {"apiVersion", "stoker.dev/v1alpha1"},
      {"kind", "WarmingPolicy"},
      {"metadata", {{"name", name}, {"namespace", ns_}}},
      {"spec",
       {{"sources",
         {{{"name", "all"},
           {"pattern",
            {{"template", name + ":{id}"},
             {"variables", {{{"name", "id"}, {"from", 1}, {"to", entries}}}}}}}}},
        {"origins", {{{"name", "web"}, {"http", {{"url", nginx_.url("/{key}")}}}}}},
        {"targets",
         {{{"name", "cache"},
           {"redis", {{"address", redis_.address()}}},
           {"write", {{"ttl", "1h"}}}}}},
        {"pacing", {{"requestsPerSecond", 10000}, {"burst", 100}, {"maxInFlight", 20}}}}}};
  object["spec"].merge_patch(spec);
  return object;
}

void Shop::Apply(const json& object) const {
  Cluster().MustKubectl({"apply", "--server-side", "--force-conflicts", "-f", "-"}, object.dump());
}

json Shop::Get(const std::string& kind, const std::string& name) const {
  const CommandResult result = Cluster().Kubectl({"-n", ns_, "get", kind, name, "-o", "json"});
  if (result.exit_code != 0) return nullptr;
  return json::parse(result.out, nullptr, false);
}

std::string Shop::Condition(const std::string& kind, const std::string& name,
                            const std::string& type) const {
  const json object = Get(kind, name);
  if (!object.is_object() || !object.contains("status")) return "";
  for (const json& condition : object["status"].value("conditions", json::array())) {
    if (condition.value("type", "") == type) {
      return condition.value("status", "") + "/" + condition.value("reason", "");
    }
  }
  return "";
}

int Shop::Keys() const { return std::stoi(redis_.Cli({"DBSIZE"})); }

int Shop::Requests() const {
  const std::string log = nginx_.AccessLog();
  return static_cast<int>(std::ranges::count(log, '\n'));
}

}  // namespace stoker::testing
