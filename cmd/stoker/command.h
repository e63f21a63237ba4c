#pragma once

// What the subcommands share: where they read and write, how they end, how they join the command
// line.
//
// Each subcommand lives in a file of its own and adds itself with an Add...Command function:
// options and help to CLI11, and a callback that does the work and sets the exit code. Results go
// to `out`, everything that is said to a person meanwhile goes to `err`, so that `stoker ... | jq`
// always works.
//
// Exit codes: 0 success, 1 the run failed, 2 bad input (and nothing was touched), 130 and 143
// stopped by SIGINT and SIGTERM.
//
// Thread safety: main thread only.

#include <CLI/App.hpp>
#include <istream>
#include <ostream>
#include <string>
#include <string_view>

namespace stoker::cli {

inline constexpr int kExitSuccess = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitBadInput = 2;

struct Environment {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool terminal = false;         // err is one
  int exit_code = kExitSuccess;  // what the subcommand came to
};

void AddRunCommand(CLI::App& app, Environment& environment);
void AddPlanCommand(CLI::App& app, Environment& environment);
void AddNextCommand(CLI::App& app, Environment& environment);
void AddValidateCommand(CLI::App& app, Environment& environment);
void AddDemoCommand(CLI::App& app, Environment& environment);
void AddVersionCommand(CLI::App& app, Environment& environment);
void AddCompletionCommand(CLI::App& app, Environment& environment);

void AddHelpCommand(CLI::App& app, Environment& environment);  // last: it knows those before it

// "stoker 0.1.0 (stoker.dev/v1alpha1)" and a line break.
std::string VersionText();

// Says "stoker: run: MESSAGE" and ends with bad input.
inline void FailInput(Environment& environment, std::string_view command,
                      std::string_view message) {
  environment.err << "stoker: " << command << ": " << message << "\n";
  environment.exit_code = kExitBadInput;
}

}  // namespace stoker::cli
