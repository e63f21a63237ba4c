// stoker-controller: the operator. One of several replicas leads; all keep their caches warm.

#include <csignal>
#include <memory>
#include <nlohmann/json.hpp>

#include "cmd/common/signals.h"
#include "cmd/stoker-controller/api_server_addresses.h"
#include "cmd/stoker-controller/flags.h"
#include "controller/base/log.h"
#include "controller/reconcile/controller.h"
#include "controller/server/http_server.h"
#include "controller/warming/net/loop_pool.h"

namespace stoker::controller {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitBadInput = 2;
constexpr auto kTick = std::chrono::milliseconds(500);

reconcile::ControllerOptions ToOptions(const Flags& flags, const kube::Config& config,
                                       std::shared_ptr<kube::Transport> transport) {
  reconcile::ControllerOptions options;
  options.namespaces = flags.namespaces;
  options.leader = flags.leader;
  if (options.leader.ns.empty()) options.leader.ns = config.namespace_;
  options.term.reconcile_workers = flags.reconcile_workers;
  options.term.worker = {flags.worker_image, flags.worker_image_pull_policy};
  options.term.recheck = flags.recheck_interval;
  options.term.pod_progress = reconcile::HttpProgressGetter();
  reconcile::ExecutorOptions& executor = options.term.executor;
  executor.max_runs = flags.in_process_runs;
  executor.loops = flags.loops;
  executor.checkpoint_every = flags.checkpoint_every;
  executor.egress = [flagged = flags.egress, server = config.server,
                     client = std::make_shared<kube::Client>(std::move(transport))] {
    warming::EgressRules rules = flagged;
    rules.guarded = true;
    for (std::string& address : ApiServerAddresses(*client, server)) {
      rules.denied.push_back(std::move(address));
    }
    return rules;
  };
  return options;
}

server::HttpReply Answer(const Status& good) {
  return {.status = good ? 200 : 503, .body = (good ? "ok" : good.error().message) + "\n"};
}

int Serve(const Flags& flags, cmd::Signals& signals) {
  const auto config = kube::LoadConfig(flags.kube);
  if (!config) {
    LogError("no way to the API server", {{"error", config.error().message}});
    return kExitBadInput;
  }
  const auto transport = kube::MakeTransport(*config);
  if (!transport) {
    LogError("no way to the API server", {{"error", transport.error().message}});
    return kExitBadInput;
  }
  reconcile::Controller controller(*transport, ToOptions(flags, *config, *transport));
  server::HttpServer health({.address = flags.health_address, .port = flags.health_port});
  health.Handle("/healthz", [&] { return Answer(controller.Healthy()); });
  health.Handle("/readyz", [&] { return Answer(controller.Ready()); });
  if (const Status started = health.Start(); !started) {
    LogError("health cannot be served", {{"error", started.error().message}});
    return kExitFailed;
  }
  LogInfo("started", {{"server", config->server},
                      {"identity", flags.leader.identity},
                      {"health", std::to_string(health.port())}});
  controller.Start();
  while (signals.Wait(kTick) == 0) {
  }
  LogInfo("stopping");
  controller.Stop();
  health.Stop();
  LogInfo("stopped");
  return 0;
}

}  // namespace
}  // namespace stoker::controller

int main(int argc, char** argv) {
  stoker::cmd::Signals signals;  // first: blocked in every thread made later
  std::signal(SIGHUP, SIG_IGN);
  auto parsed = stoker::controller::ParseFlags(argc, argv);
  if (const int* code = std::get_if<int>(&parsed)) return *code;
  const auto& flags = std::get<stoker::controller::Flags>(parsed);
  stoker::InitLogging(flags.log_format, flags.log_level);
  stoker::kube::InitializeTransportThreads();
  stoker::warming::LoopPool::SetSharedSize(flags.loops);
  const int code = stoker::controller::Serve(flags, signals);
  stoker::warming::LoopPool::Shared().Stop();
  return code;
}
