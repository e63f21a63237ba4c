#include "tests/cluster/kubectl.h"

#include <gtest/gtest.h>

#include <sstream>
#include <utility>

#include "tests/support/paths.h"

namespace stoker::testing {
namespace {

std::vector<std::string> ClusterCommand(std::vector<std::string> args) {
  args.insert(args.begin(), SourceDir() + "/tests/cluster/cluster");
  return args;
}

}  // namespace

CommandResult Kubectl(const std::vector<std::string>& args, const std::string& input,
                      std::chrono::milliseconds timeout) {
  std::vector<std::string> command = ClusterCommand({"kubectl"});
  command.insert(command.end(), args.begin(), args.end());
  return RunCommand(command, input, timeout);
}

nlohmann::json KubectlJson(std::vector<std::string> args) {
  args.insert(args.end(), {"-o", "json"});
  const CommandResult result = Kubectl(args);
  if (result.exit_code != 0) {
    ADD_FAILURE() << "kubectl " << ::testing::PrintToString(args) << ": " << result.err;
    return nullptr;
  }
  return nlohmann::json::parse(result.out, nullptr, false);
}

CommandResult ApplyFolder(const std::string& folder) {
  return Kubectl({"apply", "--server-side", "-k", SourceDir() + "/" + folder});
}

CommandResult Cluster(const std::vector<std::string>& args) {
  return RunCommand(ClusterCommand(args), {}, std::chrono::minutes(3));
}

TestNamespace::TestNamespace(std::string name, bool in_process_allowed) : name_(std::move(name)) {
  nlohmann::json object = {
      {"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", name_}}}};
  if (in_process_allowed) object["metadata"]["labels"]["stoker.dev/in-process"] = "allowed";
  const CommandResult made = Kubectl({"create", "-f", "-"}, object.dump());
  if (made.exit_code != 0) ADD_FAILURE() << "namespace " << name_ << ": " << made.err;
}

TestNamespace::~TestNamespace() {
  Kubectl({"delete", "namespace", name_, "--ignore-not-found", "--timeout=60s"});
}

std::vector<AuditEvent> AuditLog() {
  const std::string log = Cluster({"audit"}).out;
  std::vector<AuditEvent> events;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    const nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
    if (json.is_discarded() || !json.contains("objectRef")) continue;
    const nlohmann::json& object = json["objectRef"];
    AuditEvent event;
    event.time = json.value("stageTimestamp", "");
    const nlohmann::json pod = json.value(
        "/user/extra/authentication.kubernetes.io~1pod-name"_json_pointer, nlohmann::json());
    if (pod.is_array() && !pod.empty()) event.pod = pod[0].get<std::string>();
    event.verb = json.value("verb", "");
    event.group = object.value("apiGroup", "");
    event.resource = object.value("resource", "");
    if (object.contains("subresource")) {
      event.resource += "/" + object["subresource"].get<std::string>();
    }
    event.ns = object.value("namespace", "");
    event.name = object.value("name", "");
    event.code = json.value("/responseStatus/code"_json_pointer, 0);
    event.denied =
        json.value("/annotations/authorization.k8s.io~1decision"_json_pointer, "") == "forbid";
    events.push_back(std::move(event));
  }
  return events;
}

std::string LeaderPod() {
  const CommandResult lease = Kubectl({"-n", "stoker-system", "get", "lease", "stoker-controller",
                                       "-o", "jsonpath={.spec.holderIdentity}"});
  if (lease.exit_code != 0) return {};
  // An identity is the pod's name, and may end in "_" and what tells its processes apart.
  return lease.out.substr(0, lease.out.find('_'));
}

}  // namespace stoker::testing
