#include "tests/cluster/replicas.h"

#include <signal.h>

#include <charconv>
#include <filesystem>

namespace stoker::testing {
namespace {

constexpr char kSystem[] = "stoker-system";

}  // namespace

int HostPid(const std::string& pod_uid, const std::string& program) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    int pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size()) continue;
    std::error_code gone;
    const auto exe = std::filesystem::read_symlink(entry.path() / "exe", gone);
    if (gone || exe.filename() != program) continue;
    if (ReadFile(entry.path() / "cgroup").find("pod" + pod_uid) != std::string::npos) return pid;
  }
  return 0;
}

void SignalPod(const nlohmann::json& pod, const std::string& program, int signal) {
  const int pid = HostPid(pod["metadata"].value("uid", ""), program);
  if (pid == 0 || kill(pid, signal) != 0) {
    ADD_FAILURE() << pod["metadata"].value("name", "") << " runs no " << program;
  }
}

Lease ControllerLease() {
  const auto spec = KubectlJson({"-n", kSystem, "get", "lease", "stoker-controller"})["spec"];
  const std::string holder = spec.value("holderIdentity", "");
  return {holder.substr(0, holder.find('_')), spec.value("acquireTime", ""),
          spec.value("leaseTransitions", std::int64_t{0})};
}

nlohmann::json ReadyLeader() {
  const CommandResult ready = Kubectl(
      {"-n", kSystem, "rollout", "status", "deployment/stoker-controller", "--timeout=90s"});
  if (ready.exit_code != 0) ADD_FAILURE() << ready.err;
  std::string leader;
  if (!WaitFor([&] { return !(leader = LeaderPod()).empty(); })) {
    ADD_FAILURE() << "nobody leads";
    return nullptr;
  }
  return KubectlJson({"-n", kSystem, "get", "pod", leader});
}

std::optional<Lease> NextLeader(const std::string& pod, std::chrono::milliseconds timeout) {
  std::optional<Lease> next;
  (void)WaitFor(
      [&] {
        const Lease lease = ControllerLease();
        if (!lease.pod.empty() && lease.pod != pod) next = lease;
        return next.has_value();
      },
      timeout, std::chrono::milliseconds(100));
  return next;
}

}  // namespace stoker::testing
