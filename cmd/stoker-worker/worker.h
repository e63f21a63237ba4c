#pragma once

// One shard of a run, in a pod that knows nothing of Kubernetes.
//
// All it needs is mounted: the plan (checked against the hash that the Job names, so that nobody
// can slip another plan in), Secrets and ConfigMaps as directories. What it has to say it says over
// HTTP while it runs (/healthz, /progress) and in the container's termination message at the end.
//
// Exit codes are a contract with the Job's podFailurePolicy: 0 the shard is warm, 1 the run failed,
// 2 the input is wrong and a retry is pointless, 143 it was asked to stop.
//
// Thread safety: main thread only. Shutdown: SIGTERM cancels the run, which ends within a second.

#include <cstdint>
#include <memory>
#include <string>

#include "cmd/common/signals.h"
#include "controller/base/result.h"
#include "controller/warming/run/plan_document.h"
#include "controller/warming/run/run.h"

namespace stoker::worker {

struct WorkerOptions {
  std::string plan_file = warming::kPlanFile;
  std::string plan_hash;
  std::string secrets_dir = warming::kSecretsDir;
  std::string config_maps_dir = warming::kConfigMapsDir;
  std::string termination_log = "/dev/termination-log";
  std::string run;
  int index = 0;
  std::string address = "0.0.0.0";
  std::uint16_t port = warming::kWorkerPort;
  int loops = 0;
};

struct Assignment {
  warming::RunSpec spec;
  std::string policy;  // namespace/name, for the log
};

// The plan, checked and typed, and this worker's share of it.
Result<Assignment> ReadAssignment(const WorkerOptions& options);

// Runs the shard to its end; returns the exit code.
int RunWorker(const WorkerOptions& options, cmd::Signals& signals);

}  // namespace stoker::worker
