#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "cmd/common/resources.h"
#include "cmd/common/signals.h"
#include "cmd/stoker/command.h"
#include "cmd/stoker/options.h"
#include "cmd/stoker/policy_files.h"
#include "cmd/stoker/run_files.h"
#include "cmd/stoker/run_loop.h"
#include "controller/base/duration.h"

namespace stoker::cli {
namespace {

constexpr char kRun[] = "run";
constexpr std::chrono::hours kStayTick{1};

struct RunCommandOptions {
  PolicyFiles files;
  std::string output = "text";
  std::string target = "manifest";
  RunFileOptions run_files;
  std::string deadline;
  std::string max_wait;
  bool stay = false;
  int loops = 0;
  bool quiet = false;
};

// What the flags change of the manifest.
Status ApplyFlags(const RunCommandOptions& options, api::WarmingPolicySpec& policy) {
  if (!options.deadline.empty()) {
    const auto deadline = ParseDuration(options.deadline);
    if (!deadline) return Annotate("--deadline", deadline.error());
    if (deadline->count() == 0) return Invalid("--deadline must be more than 0s");
    policy.execution.deadline = *deadline;
  }
  if (options.target == "memory") {
    api::Target memory;
    memory.name = "memory";
    memory.write = policy.targets.front().write;
    memory.in_memory = true;
    policy.targets = {std::move(memory)};
    if (!options.run_files.checkpoint.empty()) {
      return Invalid(
          "--checkpoint with --target memory: what was warmed is gone with the process, "
          "so there is nothing to go on from; leave one of them out");
    }
  }
  return {};
}

DisplayKind ChooseDisplay(const RunCommandOptions& options, const Environment& environment) {
  if (options.output == "json") return DisplayKind::kJson;
  if (options.quiet) return DisplayKind::kQuiet;
  return environment.terminal ? DisplayKind::kBar : DisplayKind::kLines;
}

void RunPolicy(const RunCommandOptions& options, SteadyTime end_by, Environment& environment) {
  auto loaded = LoadPolicy(options.files, environment, kRun);
  if (!loaded) return;
  if (const Status applied = ApplyFlags(options, loaded->spec.policy); !applied)
    return FailInput(environment, kRun, applied.error().message);
  if (options.target == "memory")
    environment.err
        << "note: --target memory: values go to this process's memory and are gone with it\n";

  cmd::Signals signals;  // before the run starts its threads
  RunFiles files;
  warming::RunOptions run_options;
  run_options.local_files = true;
  run_options.manual_stop_ends = true;
  run_options.loops = options.loops;
  cmd::FitToMemory(run_options);
  if (const Status opened =
          files.Open(options.run_files, environment.in, loaded->spec, run_options);
      !opened)
    return FailInput(environment, kRun, opened.error().message);
  auto run = warming::Run::Create(loaded->spec, loaded->materials, std::move(run_options));
  if (!run)
    return FailInput(
        environment, kRun,
        fmt::format("{}: WarmingPolicy {}: {}", loaded->file, loaded->name, run.error().message));
  if (const Status begun = files.Begin(); !begun)
    return FailInput(environment, kRun, begun.error().message);
  const auto display = MakeRunDisplay(ChooseDisplay(options, environment), loaded->name,
                                      environment.out, environment.err);
  const RunHooks hooks{
      .end_by = end_by, .tick = [&] { files.Tick(*display); }, .abandon = [&] { files.Abandon(); }};
  const RunEnd end = DriveRun(**run, *display, signals, hooks);
  environment.exit_code = ExitCode(end);
  if (!files.End(end.report, environment.err)) environment.exit_code = kExitFailed;
  if (!options.stay || environment.exit_code != kExitSuccess) return;
  environment.err << "note: --stay: SIGTERM ends this process\n" << std::flush;
  while (signals.Wait(kStayTick) == 0) {
  }
}

// Applications wait for what this does: whatever comes of it, they are not held up longer.
void RunForStartup(const RunCommandOptions& options, Environment& environment) {
  const auto start = std::chrono::steady_clock::now();
  if (options.max_wait.empty()) return RunPolicy(options, SteadyTime::max(), environment);
  const auto max_wait = ParseDuration(options.max_wait);
  if (!max_wait) return FailInput(environment, kRun, "--max-wait: " + max_wait.error().message);
  RunPolicy(options, start + *max_wait, environment);
  if (environment.exit_code != kExitFailed && environment.exit_code != kExitBadInput) return;
  environment.err << fmt::format("note: --max-wait: ends with 0 in place of {}\n",
                                 environment.exit_code);
  environment.exit_code = kExitSuccess;
}

}  // namespace

void AddRunCommand(CLI::App& app, Environment& environment) {
  CLI::App* command = app.add_subcommand(kRun, "Warm what a policy says, from here");
  auto options = std::make_shared<RunCommandOptions>();
  AddPolicyFiles(*command, options->files);
  OneOf(
      command->add_option("-o,--output", options->output,
                          "Progress and a summary, or one object a second, the last one the tally"),
      {"text", "json"})
      ->capture_default_str();
  AddRunFiles(*command, options->run_files);
  OneOf(command->add_option("--target", options->target,
                            "The manifest's targets, or this process's memory in their place"),
        {"manifest", "memory"})
      ->capture_default_str();
  command
      ->add_option("--deadline", options->deadline,
                   "Instead of spec.execution.deadline, such as 10m")
      ->type_name("DURATION");
  command
      ->add_option("--max-wait", options->max_wait,
                   "Stop after so long and end with 0, warm or not: for an init container")
      ->type_name("DURATION");
  command->add_flag("--stay", options->stay,
                    "Once warm, wait for SIGTERM: a sidecar that ends is started again");
  Within(command->add_option("--loops", options->loops, "Event loops; 0: one a core"), 0, 256)
      ->capture_default_str();
  command->add_flag("-q,--quiet", options->quiet, "Only the summary");
  command->footer(
      "Examples:\n"
      "  stoker run -f policy.yaml                         warm, with a progress bar\n"
      "  stoker run -f policy.yaml -f redis-secret.yaml    Secrets come from manifests, too\n"
      "  stoker run -f policy.yaml --secret redis=./creds  or from a directory\n"
      "  stoker run -f policy.yaml -o json | tail -n 1 | jq .failed\n"
      "  stoker run -f policy.yaml --failed-to failed.jsonl\n"
      "  stoker run -f policy.yaml --only failed.jsonl     these keys once more, nothing else\n"
      "  stoker run -f policy.yaml --checkpoint at.json    if it is killed: the same again goes "
      "on\n\n"
      "Exit codes:\n"
      "  0 warmed   1 the run failed   2 bad input, nothing was touched   130 stopped by Ctrl-C\n"
      "  With --max-wait, 0 in place of 1 and 2.");
  command->callback([options, &environment] { RunForStartup(*options, environment); });
}

}  // namespace stoker::cli
