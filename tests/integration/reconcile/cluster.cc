#include "tests/integration/reconcile/cluster.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

namespace stoker::testing {
namespace {

using nlohmann::json;

std::unique_ptr<ApiServer>& Instance() {
  static std::unique_ptr<ApiServer> server;
  return server;
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
    Instance() = std::make_unique<ApiServer>(options);
    for (const char* kind : {"warmingpolicies", "prewarmschedules"}) {
      Instance()->MustKubectl(
          {"apply", "--server-side", "-f",
           std::string(STOKER_SOURCE_DIR) + "/crds/stoker.dev_" + kind + ".yaml"});
      Instance()->MustKubectl({"wait", "--for=condition=Established", "--timeout=30s",
                               "crd/" + std::string(kind) + ".stoker.dev"});
    }
  }
  return *Instance();
}

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
                                   "--log-level=debug"};
  argv.insert(argv.end(), flags.begin(), flags.end());
  const std::string output =
      Cluster().dir().path() + "/controller-" + std::to_string(++count) + ".log";
  process_ = std::make_unique<Process>(argv, output);
}

Shop::Shop(const std::string& nginx_locations, bool in_process)
    : ns_(Cluster().MakeNamespace(in_process
                                      ? std::vector<std::string>{"stoker.dev/in-process=allowed"}
                                      : std::vector<std::string>{})),
      nginx_(nginx_locations) {}

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
