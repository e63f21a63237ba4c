// What the controller costs when there is much to look after and nothing to do.
//
//   bench_idle_policies [policies=5000] [seconds=60]
//
// A kube-apiserver of its own holds the policies, none of which has a reason to run. Once the
// controller has looked at each, its CPU, memory and requests are measured for `seconds`.

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <thread>

#include "controller/kube/client.h"
#include "controller/kube/config.h"
#include "tests/support/api_server.h"
#include "tests/support/process_cost.h"

namespace {

using namespace stoker;           // NOLINT
using namespace stoker::testing;  // NOLINT
using nlohmann::json;

constexpr char kAuditPolicy[] = R"({"apiVersion": "audit.k8s.io/v1", "kind": "Policy",
    "omitStages": ["ResponseStarted", "ResponseComplete"], "rules": [{"level": "Metadata"}]})";

json Policy(int index) {
  return {{"apiVersion", "stoker.dev/v1alpha1"},
          {"kind", "WarmingPolicy"},
          {"metadata", {{"name", "idle-" + std::to_string(index)}, {"namespace", "default"}}},
          {"spec",
           {{"triggers", {{"onChange", false}}},
            {"sources",
             {{{"name", "all"},
               {"pattern",
                {{"template", "product:{id}"},
                 {"variables", {{{"name", "id"}, {"from", 1}, {"to", 1000}}}}}}}}},
            {"origins", {{{"name", "web"}, {"http", {{"url", "http://catalogue.shop/{key}"}}}}}},
            {"targets",
             {{{"name", "cache"},
               {"redis", {{"address", "redis.shop:6379"}}},
               {"write", {{"ttl", "1h"}}}}}}}}};
}

void Create(kube::Client& client, int policies) {
  std::atomic<int> next{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = next++; i < policies; i = next++) {
        const auto made = client.Create(kube::kWarmingPolicies, "default", Policy(i));
        if (!made) std::fprintf(stderr, "%s\n", made.error().message.c_str());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

int CountReady(kube::Client& client) {
  const auto listed = client.List(kube::kWarmingPolicies, "default");
  if (!listed) return 0;
  int ready = 0;
  for (const json& item : listed->items) {
    for (const json& condition :
         item.value("status", json::object()).value("conditions", json::array())) {
      ready += condition["type"] == "Ready" && condition["status"] == "True" ? 1 : 0;
    }
  }
  return ready;
}

int Measure(int policies, int seconds) {
  const TempDir dir;
  const std::string audit = dir.path() + "/audit.log";
  ApiServerOptions options;
  options.extra_flags = {"--audit-log-path=" + audit,
                         "--audit-policy-file=" + dir.File("policy.yaml", kAuditPolicy)};
  const ApiServer server(options);
  for (const char* kind : {"warmingpolicies", "prewarmschedules"}) {
    server.MustKubectl({"apply", "--server-side", "-f",
                        std::string(STOKER_SOURCE_DIR) + "/crds/stoker.dev_" + kind + ".yaml"});
    server.MustKubectl({"wait", "--for=condition=Established", "--timeout=30s",
                        "crd/" + std::string(kind) + ".stoker.dev"});
  }
  kube::ConfigOptions where;
  where.kubeconfig = server.kubeconfig();
  const auto config = kube::LoadConfig(where);
  const auto transport = config ? kube::MakeTransport(*config) : config.error();
  if (!transport) {
    std::fprintf(stderr, "%s\n", transport.error().message.c_str());
    return 1;
  }
  kube::Client client(*transport);
  Create(client, policies);
  Process controller({std::string(STOKER_BIN_DIR) + "/stoker-controller",
                      "--kubeconfig=" + server.kubeconfig(), "--lease-namespace=default",
                      "--health-address=127.0.0.1", "--health-port=0", "--log-level=warn"},
                     dir.path() + "/controller.log");
  const auto began = std::chrono::steady_clock::now();
  const bool settled = WaitFor([&] { return CountReady(client) == policies; },
                               std::chrono::minutes(10), std::chrono::seconds(2));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  if (!settled) {
    std::fprintf(stderr, "the policies are not ready:\n%s\n", controller.Output().c_str());
    return 1;
  }
  std::printf("%d policies ready after %.0f s, %.1f CPU seconds\n", policies, took.count(),
              CostOf(controller.pid()).cpu_seconds);
  const ProcessCost before = CostOf(controller.pid());
  const auto requests_before = ReadFile(audit).size();
  if (WaitFor([&] { return !controller.Running(); }, std::chrono::seconds(seconds))) {
    std::fprintf(stderr, "the controller ended:\n%s\n", controller.Output().c_str());
    return 1;
  }
  const ProcessCost after = CostOf(controller.pid());
  std::istringstream log(ReadFile(audit).substr(requests_before));
  int requests = 0;
  for (std::string line; std::getline(log, line);) {
    requests += line.find(R"("userAgent":"stoker")") != std::string::npos ? 1 : 0;
  }
  std::printf("idle for %d s: RSS %.1f MiB, CPU %.2f s (%.2f %% of a core), %d requests\n", seconds,
              after.rss_mib, after.cpu_seconds - before.cpu_seconds,
              100 * (after.cpu_seconds - before.cpu_seconds) / seconds, requests);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return Measure(argc > 1 ? std::atoi(argv[1]) : 5000, argc > 2 ? std::atoi(argv[2]) : 60);
}
