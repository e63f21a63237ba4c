#pragma once

// Real programs under test control: started on ports and in folders of the test's own, and surely
// ended.
//
// A Process dies with its owner (SIGKILL in the destructor, and by the kernel if the test itself
// dies). Its output goes to a file in its TempDir, shown by Output() when something fails.
//
// Thread safety: one thread.

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace stoker::testing {

class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  // Writes a file below the folder and returns its path.
  [[nodiscard]] std::string File(const std::string& name, const std::string& content) const;

 private:
  std::string path_;
};

// A TCP port of 127.0.0.1 that nobody listens on now.
int FreePort();

// Polls until `condition` holds; false after `timeout`. The only way tests wait.
bool WaitFor(const std::function<bool()>& condition,
             std::chrono::milliseconds timeout = std::chrono::seconds(20),
             std::chrono::milliseconds every = std::chrono::milliseconds(10));

bool CanConnect(int port);
std::string ReadFile(const std::string& path);

class Process {
 public:
  // argv[0] is found in PATH. stdout and stderr go to `output_path` together (empty: /dev/null).
  Process(const std::vector<std::string>& argv, const std::string& output_path,
          const std::map<std::string, std::string>& env = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool Running();
  void Signal(int signal);
  // The exit code, 128 + signal, or -1 if it still runs after `timeout`.
  int Wait(std::chrono::milliseconds timeout = std::chrono::seconds(20));
  [[nodiscard]] std::string Output() const;

 private:
  pid_t pid_ = -1;
  int exit_ = -1;
  std::string output_path_;
};

struct CommandResult {
  int exit_code = -1;
  std::string out;  // stdout
  std::string err;  // stderr
};
// Runs a program to its end.
CommandResult RunCommand(const std::vector<std::string>& argv, const std::string& input = {},
                         std::chrono::milliseconds timeout = std::chrono::seconds(60),
                         const std::map<std::string, std::string>& env = {});

}  // namespace stoker::testing
