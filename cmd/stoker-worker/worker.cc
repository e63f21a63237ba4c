#include "cmd/stoker-worker/worker.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "cmd/common/compact_report.h"
#include "cmd/common/materials.h"
#include "cmd/common/resources.h"
#include "controller/api/manifest.h"
#include "controller/base/log.h"
#include "controller/server/http_server.h"

namespace stoker::worker {
namespace {

using warming::Report;

constexpr int kExitSuccess = 0;
constexpr int kExitFailed = 1;
constexpr int kExitBadInput = 2;
constexpr int kExitTerminated = 143;  // 128 + SIGTERM, as a shell has it
constexpr auto kTick = std::chrono::milliseconds(20);
constexpr auto kStopWithin = std::chrono::milliseconds(950);

Result<std::string> ReadPlanText(const std::string& path) {
  std::error_code ignored;
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path, ignored))
    return NotFound(fmt::format("the plan {} cannot be read; is its ConfigMap mounted?", path));
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void WriteTerminationMessage(const WorkerOptions& options, const Report& report) {
  if (options.termination_log.empty()) return;
  std::ofstream file(options.termination_log, std::ios::binary | std::ios::trunc);
  file << cmd::CompactReport(report) << std::flush;
  if (!file)
    LogWarn("the termination message could not be written", {{"path", options.termination_log}});
}

std::string ProgressJson(const warming::Run& run, const Assignment& assignment) {
  nlohmann::json json = warming::ToJson(run.Snapshot());
  json["run"] = assignment.spec.id;
  json["shard"] = {{"index", assignment.spec.shard.index}, {"count", assignment.spec.shard.count}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Report ReportOfError(std::string reason, std::string message) {
  Report report;
  report.reason = std::move(reason);
  report.message = std::move(message);
  return report;
}

int Refuse(const WorkerOptions& options, const Error& error) {
  LogError("the run cannot begin", {{"run", options.run}, {"error", error.message}});
  WriteTerminationMessage(options, ReportOfError("InvalidInput", error.message));
  return kExitBadInput;
}

// Waits for the run's end; nullopt when it was asked to stop and did not keep its second.
std::optional<Report> Await(warming::Run& run, cmd::Signals& signals, bool& terminated) {
  SteadyTime give_up = SteadyTime::max();
  while (!run.Done()) {
    if (signals.Wait(kTick) != 0 && !std::exchange(terminated, true)) {
      give_up = std::chrono::steady_clock::now() + kStopWithin;
      LogInfo("stopping: the pod is being ended");
      run.Cancel("the pod was asked to end");
    }
    if (std::chrono::steady_clock::now() >= give_up) return std::nullopt;
  }
  return run.Wait();
}

int ExitCode(const Report& report, bool terminated) {
  if (report.result == Report::Result::kSucceeded) return kExitSuccess;
  return terminated || report.result == Report::Result::kCancelled ? kExitTerminated : kExitFailed;
}

void LogReport(const Assignment& assignment, const Report& report) {
  const warming::Tally& tally = report.progress.tally;
  LogInfo("run ended", {{"run", assignment.spec.id},
                        {"policy", assignment.policy},
                        {"shard", std::to_string(assignment.spec.shard.index)},
                        {"reason", report.reason},
                        {"message", report.message},
                        {"discovered", std::to_string(tally.discovered)},
                        {"warmed", std::to_string(tally.warmed)},
                        {"skipped", std::to_string(tally.skipped)},
                        {"failed", std::to_string(tally.failed)},
                        {"left", std::to_string(tally.left)}});
}

}  // namespace

Result<Assignment> ReadAssignment(const WorkerOptions& options) {
  STOKER_TRY(const std::string text, ReadPlanText(options.plan_file));
  if (options.plan_hash.empty())
    return Invalid("the plan's hash is not given; set STOKER_PLAN_HASH or --plan-hash");
  if (const std::string hash = warming::PlanHash(text); hash != options.plan_hash)
    return Invalid(
        fmt::format("the plan {} has the hash {}, but {} was asked for; it was changed after the "
                    "run began",
                    options.plan_file, hash.substr(0, 12), options.plan_hash.substr(0, 12)));
  STOKER_TRY(const warming::PlanDocument plan, warming::ParsePlan(text));
  Assignment assignment;
  assignment.policy = plan.policy_namespace + "/" + plan.policy_name;
  assignment.spec.id = options.run;
  assignment.spec.plan_hash = options.plan_hash;
  STOKER_TRY(assignment.spec.policy, api::ToWarmingPolicySpec(plan.spec));
  const std::int64_t replicas = assignment.spec.policy.execution.workers.replicas;
  if (options.index < 0 || options.index >= replicas)
    return Invalid(fmt::format("index {} is not one of the plan's {} workers (0 to {})",
                               options.index, replicas, replicas - 1));
  assignment.spec.shard = {.index = options.index, .count = static_cast<int>(replicas)};
  return assignment;
}

int RunWorker(const WorkerOptions& options, cmd::Signals& signals) {
  auto assignment = ReadAssignment(options);
  if (!assignment) return Refuse(options, assignment.error());
  auto materials =
      std::make_shared<cmd::DirectoryMaterials>(options.secrets_dir, options.config_maps_dir);
  warming::RunOptions run_options;
  run_options.loops = options.loops;
  cmd::FitToMemory(run_options);
  auto run = warming::Run::Create(assignment->spec, std::move(materials), run_options);
  if (!run) return Refuse(options, run.error());

  server::HttpServer server({.address = options.address, .port = options.port});
  server.Handle("/healthz", [] { return server::HttpReply{.body = "ok\n"}; });
  server.Handle("/progress", [&] {
    return server::HttpReply{.content_type = "application/json",
                             .body = ProgressJson(**run, *assignment)};
  });
  if (const Status started = server.Start(); !started) {
    LogError("no progress can be served", {{"error", started.error().message}});
    WriteTerminationMessage(options, ReportOfError("CannotListen", started.error().message));
    return kExitFailed;
  }
  LogInfo("run started",
          {{"run", assignment->spec.id},
           {"policy", assignment->policy},
           {"shard", fmt::format("{}/{}", options.index, assignment->spec.shard.count)}});
  (*run)->Start();
  bool terminated = false;
  const auto report = Await(**run, signals, terminated);
  if (!report) {  // what still hangs must not outlive its grace: its sockets end with the process
    Report last = ReportOfError("Cancelled", "the pod was asked to end");
    last.result = Report::Result::kCancelled;
    last.progress = (*run)->Snapshot();
    WriteTerminationMessage(options, last);
    _exit(kExitTerminated);
  }
  WriteTerminationMessage(options, *report);
  server.Stop();
  LogReport(*assignment, *report);
  return ExitCode(*report, terminated);
}

}  // namespace stoker::worker
