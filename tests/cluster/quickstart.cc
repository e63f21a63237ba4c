#include "tests/cluster/quickstart.h"

#include <algorithm>
#include <sstream>

#include "tests/support/paths.h"

namespace stoker::testing {
namespace {

using nlohmann::json;

constexpr char kPolicy[] = "quickstart";
constexpr char kOfPolicy[] = "stoker.dev/policy=quickstart";

// With limit_req a request waits until 20 ms after the one before it on its connection.
constexpr char kSlowZone[] = "limit_req_zone $connection zone=slow:1m rate=50r/s;\n      ";
constexpr char kSlowLocation[] =
    "location /slow/ { limit_req zone=slow burst=1000; try_files /none @value; }\n"
    "        location @value { return 200 \"value of $uri\\n\"; }\n        ";

CommandResult InNamespace(std::vector<std::string> args) {
  args.insert(args.begin(), {"-n", Quickstart::kNamespace});
  return Kubectl(args);
}

json ListOf(const std::string& kind, const std::string& selector) {
  return KubectlJson({"-n", Quickstart::kNamespace, "get", kind, "-l", selector})["items"];
}

std::string RedisAddress() {
  return InNamespace({"get", "pod", "-l", "app=redis", "-o", "jsonpath={.items[0].status.podIP}"})
      .out;
}

// The documents that kubectl wrote one after the other, lists taken apart.
std::vector<json> Objects(const std::string& text) {
  std::vector<json> objects;
  std::istringstream stream(text);
  for (json object; stream >> std::ws, stream.peek() != EOF;) {
    stream >> object;
    if (!object.contains("items")) {
      objects.push_back(object);
      continue;
    }
    for (const json& item : object["items"]) objects.push_back(item);
  }
  return objects;
}

// One that answers only who knows its secret.
constexpr char kGuardedLocation[] =
    "location /guarded/ { if ($http_x_token != \"origin-s3cret\") { return 401; } "
    "return 200 \"value of $uri\\n\"; }\n        ";

// Gives the example's origin a slow location and a guarded one beside its own.
void AddLocations(json& config_map) {
  auto conf = config_map["data"]["nginx.conf"].get<std::string>();
  for (const auto& [before, text] :
       {std::pair("location / {", kSlowLocation), std::pair("location / {", kGuardedLocation),
        std::pair("server {", kSlowZone)}) {
    const std::size_t at = conf.find(before);
    if (at == std::string::npos) {
      ADD_FAILURE() << "examples/quickstart/origin.yaml has no \"" << before << "\"";
      return;
    }
    conf.insert(at, text);
  }
  config_map["data"]["nginx.conf"] = conf;
}

CommandResult ApplyServers(const std::vector<json>& objects) {
  json servers = {{"apiVersion", "v1"}, {"kind", "List"}, {"items", objects}};
  for (json& item : servers["items"]) {
    if (item["kind"] == "ConfigMap" && item["metadata"]["name"] == "origin") AddLocations(item);
  }
  CommandResult applied = Kubectl({"apply", "--server-side", "-f", "-"}, servers.dump());
  for (const char* server : {"deployment/origin", "deployment/redis"}) {
    if (applied.exit_code == 0)
      applied = InNamespace({"rollout", "status", server, "--timeout=60s"});
  }
  return applied;
}

}  // namespace

Quickstart::Quickstart(const std::string& folder, const json& patch) {
  const CommandResult built = Kubectl({"kustomize", SourceDir() + "/tests/cluster/" + folder});
  const CommandResult parsed =
      Kubectl({"create", "--dry-run=client", "-o", "json", "-f", "-"}, built.out);
  std::vector<json> objects = Objects(parsed.out);
  const auto policy = std::ranges::partition(
      objects, [](const json& object) { return object["kind"] != "WarmingPolicy"; });
  if (policy.empty()) {
    ADD_FAILURE() << folder << ": " << built.err << parsed.err;
    return;
  }
  json changed = policy.front();
  if (!patch.is_null()) changed.merge_patch(patch);
  const CommandResult servers = ApplyServers(std::vector<json>(objects.begin(), policy.begin()));
  if (servers.exit_code != 0) ADD_FAILURE() << folder << ": " << servers.err;
  redis_ = RedisAddress();
  if (RedisCli({"flushall"}) != "OK\n")
    ADD_FAILURE() << "the Redis at " << redis_ << " is not empty";
  made_ = OriginNow();
  const CommandResult applied = Kubectl({"apply", "--server-side", "-f", "-"}, changed.dump());
  if (applied.exit_code != 0) ADD_FAILURE() << folder << ": " << applied.err;
}

Quickstart::~Quickstart() {
  InNamespace({"delete", "wp,pws", "--all"});
  InNamespace({"wait", "--for=delete", "jobs,pods", "-l", kOfPolicy, "--timeout=60s"});
}

void Quickstart::RenewOrigin() { InNamespace({"delete", "pod", "-l", "app=origin"}); }

void Quickstart::ReplaceRedis() {
  InNamespace({"rollout", "restart", "deployment/redis"});
  const CommandResult rolled =
      InNamespace({"rollout", "status", "deployment/redis", "--timeout=60s"});
  if (rolled.exit_code != 0) ADD_FAILURE() << rolled.err;
  // The old pod may linger for its grace.
  InNamespace({"wait", "--for=delete", "pod", "--timeout=60s", "--field-selector",
               "status.podIP=" + redis_});
  redis_ = RedisAddress();
}

json Quickstart::Slow(int requests_per_second, int burst, int max_in_flight) {
  const json origin = {{"name", "origin"},
                       {"http", {{"url", "http://origin.quickstart.svc/slow/{key}"}}}};
  return {{"spec",
           {{"origins", json::array({origin})},
            {"pacing",
             {{"requestsPerSecond", requests_per_second},
              {"burst", burst},
              {"maxInFlight", max_in_flight}}}}}};
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

::testing::AssertionResult Quickstart::Holds(int keys) {
  if (WaitFor([&] { return RedisKeys() >= keys; }, std::chrono::seconds(60))) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure() << "the Redis holds " << RedisKeys() << " keys\n"
                                       << InNamespace({"describe", "wp", kPolicy}).out;
}

json Quickstart::Policy() const { return KubectlJson({"-n", kNamespace, "get", "wp", kPolicy}); }

json Quickstart::Jobs() const { return ListOf("jobs", kOfPolicy); }

json Quickstart::WorkerPods() const { return ListOf("pods", kOfPolicy); }

std::string Quickstart::RedisCli(std::vector<std::string> args) const {
  args.insert(args.begin(), {"redis-cli", "-h", redis_});
  return RunCommand(args).out;
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

std::vector<Arrival> Quickstart::Arrivals() const {
  std::vector<Arrival> arrivals =
      ParseArrivals(InNamespace({"logs", "deployment/origin", "--tail=-1"}).out);
  std::erase_if(arrivals, [this](const Arrival& arrival) { return arrival.begun < made_; });
  return arrivals;
}

void ExpectExactTally(const json& policy) {
  const json progress = policy["status"]["progress"];
  EXPECT_EQ(progress.value("discovered", 0), kQuickstartEntries);
  EXPECT_EQ(
      progress.value("discovered", 0),
      progress.value("warmed", 0) + progress.value("skipped", 0) + progress.value("failed", 0))
      << progress;
}

bool Is(const json& object, const std::string& condition) {
  for (const auto& held : object["status"].value("conditions", json::array())) {
    if (held["type"] == condition && held["status"] == "True") return true;
  }
  return false;
}

}  // namespace stoker::testing
