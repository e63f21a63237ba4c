// stoker-worker: one shard of a run, as the pods of a run's Job start it.

#include <CLI/CLI.hpp>
#include <string>

#include "cmd/stoker-worker/worker.h"
#include "controller/base/log.h"

int main(int argc, char** argv) {
  stoker::cmd::Signals signals;
  stoker::worker::WorkerOptions options;
  std::string level = "info";
  CLI::App app(
      "Warms one shard of a run: the plan, Secrets and ConfigMaps are mounted directories.");
  app.set_version_flag("-V,--version", "stoker-worker " STOKER_VERSION);
  app.add_option("--plan", options.plan_file, "The plan, as the controller wrote it")
      ->capture_default_str();
  app.add_option("--plan-hash", options.plan_hash, "SHA-256 that the plan must have")
      ->envname("STOKER_PLAN_HASH");
  app.add_option("--run", options.run, "Name of the run")->envname("STOKER_RUN");
  app.add_option("--index", options.index,
                 "Which shard of spec.execution.workers.replicas this is, from 0")
      ->envname("JOB_COMPLETION_INDEX");
  app.add_option("--secrets", options.secrets_dir, "Directory with one directory per Secret")
      ->capture_default_str();
  app.add_option("--configmaps", options.config_maps_dir,
                 "Directory with one directory per ConfigMap")
      ->capture_default_str();
  app.add_option("--termination-log", options.termination_log,
                 "Where the final report goes; empty: nowhere")
      ->capture_default_str();
  app.add_option("--address", options.address, "Address of /healthz and /progress")
      ->capture_default_str();
  app.add_option("--port", options.port, "Port of /healthz and /progress")->capture_default_str();
  app.add_option("--loops", options.loops,
                 "Event loops; 0: one a core that the container is granted")
      ->check(CLI::Range(0, 256))
      ->capture_default_str();
  app.add_option("--log-level", level, "How much is logged")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  app.footer(
      "Exit codes: 0 the shard is warm; 1 the run failed; 2 the input is wrong; 143 asked to "
      "stop.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : 2;
  }
  stoker::InitLogging(stoker::LogFormat::kJson, *stoker::ParseLogLevel(level));
  return stoker::worker::RunWorker(options, signals);
}
