// stoker, also found as `kubectl stoker`: warms caches from a laptop or CI, with the manifests of a
// cluster.

#include <unistd.h>

#include <iostream>

#include "cmd/stoker/usage.h"
#include "controller/base/log.h"

int main(int argc, char** argv) {
  stoker::InitLogging(stoker::LogFormat::kText, stoker::LogLevel::kWarn);
  std::ios::sync_with_stdio(false);
  stoker::cli::Environment environment{
      .in = std::cin, .out = std::cout, .err = std::cerr, .terminal = isatty(STDERR_FILENO) == 1};
  const int code = stoker::cli::RunCommandLine(argc, argv, environment);
  if (std::cout.flush()) return code;
  std::cerr << "stoker: standard output cannot be written\n";
  return code != stoker::cli::kExitSuccess ? code : stoker::cli::kExitFailed;
}
