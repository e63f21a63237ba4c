#include "cmd/stoker/run_loop.h"

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <string>

#include "cmd/stoker/command.h"

namespace stoker::cli {
namespace {

constexpr auto kTick = std::chrono::milliseconds(20);
constexpr auto kStopWithin = std::chrono::seconds(5);

[[noreturn]] void EndNow(const RunEnd& end, const std::function<void()>& abandon) {
  abandon();
  _exit(end.signal != 0 ? 128 + end.signal : kExitSuccess);  // nobody waits for a late one
}

}  // namespace

RunEnd DriveRun(warming::Run& run, RunDisplay& display, cmd::Signals& signals,
                const RunHooks& hooks) {
  RunEnd end;
  SteadyTime give_up = SteadyTime::max();
  run.Start();
  while (!run.Done()) {
    display.Show(run.Snapshot(), std::chrono::steady_clock::now());
    hooks.tick();
    const int signal = signals.Wait(kTick);
    const SteadyTime now = std::chrono::steady_clock::now();
    if ((signal != 0 && end.signal != 0) || now >= give_up) EndNow(end, hooks.abandon);
    if (signal == 0 && now >= hooks.end_by && !end.late) {
      end.late = true;
      give_up = now + kStopWithin;
      const auto waiting = run.Snapshot().waiting;
      run.Cancel("--max-wait has passed" + (waiting ? "; " + waiting->message : std::string()));
    }
    if (signal == 0) continue;
    end.signal = signal;
    give_up = now + kStopWithin;
    const bool interrupted = signal == SIGINT;
    display.Say(interrupted ? "stopping; Ctrl-C again ends at once" : "stopping: SIGTERM came");
    run.Cancel(interrupted ? "interrupted by Ctrl-C (SIGINT)" : "terminated by SIGTERM");
  }
  end.report = run.Wait();
  hooks.tick();
  display.Finish(end.report);
  return end;
}

int ExitCode(const RunEnd& end) {
  if (end.report.result == warming::Report::Result::kSucceeded) return kExitSuccess;
  return end.signal != 0 ? 128 + end.signal : kExitFailed;
}

}  // namespace stoker::cli
