#include "tests/cluster/quickstart.h"

#include <sstream>

#include "tests/support/paths.h"

namespace stoker::testing {
namespace {

constexpr char kPolicy[] = "quickstart";

CommandResult InNamespace(std::vector<std::string> args) {
  args.insert(args.begin(), {"-n", Quickstart::kNamespace});
  return Kubectl(args);
}

nlohmann::json ListOf(const std::string& kind, const std::string& selector) {
  return KubectlJson({"-n", Quickstart::kNamespace, "get", kind, "-l", selector})["items"];
}

// The folder's objects with the policy changed. The policy comes last, when its origin and cache
// are there.
CommandResult Apply(const std::string& folder, const nlohmann::json& patch) {
  const CommandResult built = Kubectl({"kustomize", SourceDir() + "/tests/cluster/" + folder});
  if (built.exit_code != 0) return built;
  const CommandResult parsed =
      Kubectl({"create", "--dry-run=client", "-o", "json", "-f", "-"}, built.out);
  std::istringstream stream(parsed.out);
  nlohmann::json policy;
  nlohmann::json others = {
      {"apiVersion", "v1"}, {"kind", "List"}, {"items", nlohmann::json::array()}};
  for (nlohmann::json object; stream >> std::ws, stream.peek() != EOF;) {
    stream >> object;
    for (auto& item :
         object.contains("items") ? object["items"] : nlohmann::json::array({object})) {
      if (item["kind"] == "WarmingPolicy") {
        policy = item;
      } else {
        others["items"].push_back(item);
      }
    }
  }
  if (!patch.is_null()) policy.merge_patch(patch);
  const CommandResult applied = Kubectl({"apply", "--server-side", "-f", "-"}, others.dump());
  if (applied.exit_code != 0) return applied;
  for (const char* server : {"deployment/origin", "deployment/redis"}) {
    const CommandResult ready = InNamespace({"rollout", "status", server, "--timeout=60s"});
    if (ready.exit_code != 0) return ready;
  }
  return Kubectl({"apply", "--server-side", "-f", "-"}, policy.dump());
}

}  // namespace

Quickstart::Quickstart(const std::string& folder, const nlohmann::json& patch) {
  const CommandResult applied = Apply(folder, patch);
  if (applied.exit_code != 0) ADD_FAILURE() << folder << ": " << applied.err;
}

Quickstart::~Quickstart() {
  Kubectl({"delete", "namespace", kNamespace, "--ignore-not-found", "--timeout=90s"});
}

::testing::AssertionResult Quickstart::BecomesWarm(std::chrono::seconds timeout) {
  const std::string limit = "--timeout=" + std::to_string(timeout.count()) + "s";
  const CommandResult warm = Kubectl(
      {"-n", kNamespace, "wait", "--for=condition=Warm", std::string("wp/") + kPolicy, limit}, {},
      timeout + std::chrono::seconds(10));
  if (warm.exit_code == 0) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << warm.err << "\n"
                                       << InNamespace({"describe", "wp", kPolicy}).out
                                       << InNamespace({"get", "jobs,pods", "-o", "wide"}).out;
}

nlohmann::json Quickstart::Policy() const {
  return KubectlJson({"-n", kNamespace, "get", "wp", kPolicy});
}

nlohmann::json Quickstart::Jobs() const {
  return ListOf("jobs", std::string("stoker.dev/policy=") + kPolicy);
}

nlohmann::json Quickstart::WorkerPods() const {
  return ListOf("pods", std::string("stoker.dev/policy=") + kPolicy);
}

std::string Quickstart::RedisCli(std::vector<std::string> args) const {
  args.insert(args.begin(), {"exec", "deployment/redis", "--", "redis-cli"});
  return InNamespace(args).out;
}

int Quickstart::RedisKeys() const { return std::atoi(RedisCli({"dbsize"}).c_str()); }

std::pair<int, int> Quickstart::RedisTtls() const {
  const std::string found =
      RedisCli({"eval",
                "local least, greatest = 1e9, -2 "
                "for _, key in ipairs(redis.call('keys', '*')) do "
                "  local ttl = redis.call('ttl', key) "
                "  least = math.min(least, ttl) greatest = math.max(greatest, ttl) "
                "end return least .. ' ' .. greatest",
                "0"});
  std::pair<int, int> ttls{-2, -2};
  std::istringstream(found) >> ttls.first >> ttls.second;
  return ttls;
}

std::vector<Quickstart::Arrival> Quickstart::Arrivals() const {
  std::vector<Arrival> arrivals;
  std::istringstream log(InNamespace({"logs", "deployment/origin", "--tail=-1"}).out);
  double time = 0;
  int status = 0;
  for (std::string path; log >> time >> status >> path;) arrivals.push_back({time, path});
  return arrivals;
}

}  // namespace stoker::testing
