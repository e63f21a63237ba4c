#include "controller/kube/exec_plugin.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>
#include <vector>

#include "controller/base/json.h"

namespace stoker::kube {
namespace {

constexpr std::size_t kMaxOutput = std::size_t{1} << 20;
constexpr Millis kReapEvery(5);

Error Failed(const ExecCredential& plugin, const std::string& why) {
  return {Code::kPermission, "the credential plugin " + plugin.command + " " + why};
}

std::vector<std::string> Environment(const ExecCredential& plugin, std::string_view cluster_info) {
  std::vector<std::string> env;
  const auto overridden = [&](std::string_view entry) {
    const std::string name(entry.substr(0, entry.find('=')));
    return name == "KUBERNETES_EXEC_INFO" || plugin.env.contains(name);
  };
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!overridden(*entry)) env.emplace_back(*entry);
  }
  for (const auto& [name, value] : plugin.env) env.push_back(name + "=" + value);
  nlohmann::json info = {{"kind", "ExecCredential"},
                         {"apiVersion", plugin.api_version},
                         {"spec", {{"interactive", false}}}};
  if (!cluster_info.empty()) info["spec"]["cluster"] = nlohmann::json::parse(cluster_info);
  env.push_back("KUBERNETES_EXEC_INFO=" + info.dump());
  return env;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (auto& s : strings) pointers.push_back(s.data());
  pointers.push_back(nullptr);
  return pointers;
}

// A child process in a group of its own, whose output is read through a pipe. Surely ended and
// reaped.
class Child {
 public:
  Child() = default;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (out_ >= 0) close(out_);
    if (pid_ > 0) {
      kill(-pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }

  // Returns an errno; 0 is success.
  int Start(std::vector<std::string> argv, std::vector<std::string> env) {
    std::array<int, 2> pipe_ends{};
    if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0) return errno;
    out_ = pipe_ends[0];
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    const auto args = Pointers(argv);
    const auto environment = Pointers(env);
    const int failed =
        posix_spawnp(&pid_, args[0], &actions, &attributes, args.data(), environment.data());
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    close(pipe_ends[1]);
    if (failed != 0) pid_ = -1;
    return failed;
  }

  // Reads to the end of output; false at the deadline or the cap.
  bool ReadAll(std::string& output, SteadyTime deadline) {
    std::array<char, 4096> buffer{};
    for (;;) {
      const auto left = std::chrono::ceil<Millis>(deadline - std::chrono::steady_clock::now());
      if (left <= Millis(0)) return false;
      pollfd ready{out_, POLLIN, 0};
      const int polled = poll(&ready, 1, static_cast<int>(left.count()));
      if (polled < 0 && errno != EINTR) return false;
      if (polled <= 0) continue;
      const ssize_t n = read(out_, buffer.data(), buffer.size());
      if (n == 0) return true;
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 || output.size() + static_cast<std::size_t>(n) > kMaxOutput) return false;
      output.append(buffer.data(), static_cast<std::size_t>(n));
    }
  }

  // The exit code, or -1 when it still runs at the deadline or died of a signal.
  int Wait(SteadyTime deadline) {
    int status = 0;
    while (waitpid(pid_, &status, WNOHANG) == 0) {
      if (std::chrono::steady_clock::now() >= deadline) return -1;
      std::this_thread::sleep_for(kReapEvery);
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
  int out_ = -1;
};

}  // namespace

Result<ExecAnswer> RunExecPlugin(const ExecCredential& plugin, std::string_view cluster_info,
                                 Millis timeout) {
  const SteadyTime deadline = std::chrono::steady_clock::now() + timeout;
  std::vector<std::string> argv = {plugin.command};
  argv.insert(argv.end(), plugin.args.begin(), plugin.args.end());
  Child child;
  if (const int failed = child.Start(std::move(argv), Environment(plugin, cluster_info));
      failed != 0) {
    std::string why =
        fmt::format("cannot be started ({})", std::generic_category().message(failed));
    if (!plugin.install_hint.empty()) why += ". " + plugin.install_hint;
    return Failed(plugin, why);
  }
  std::string output;
  if (!child.ReadAll(output, deadline)) {
    return Failed(
        plugin, fmt::format("did not end within {}, or wrote too much; it gets no terminal, so it "
                            "cannot ask for anything",
                            FormatDuration(timeout)));
  }
  const int exit_code = child.Wait(deadline);
  if (exit_code != 0) {
    return Failed(plugin,
                  fmt::format("failed (exit code {}): run it by hand to see why", exit_code));
  }
  return ParseExecAnswer(plugin, output);
}

Result<ExecAnswer> ParseExecAnswer(const ExecCredential& plugin, std::string_view output) {
  const auto parsed = ParseJson(output);
  if (!parsed || !parsed->is_object()) return Failed(plugin, "wrote no JSON object");
  const nlohmann::json& json = *parsed;
  const auto text = [](const nlohmann::json& object, const char* key) {
    const auto it = object.find(key);
    return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
  };
  if (text(json, "kind") != "ExecCredential") return Failed(plugin, "wrote no ExecCredential");
  if (text(json, "apiVersion") != plugin.api_version) {
    return Failed(plugin, "answers in another apiVersion than " + plugin.api_version +
                              ", which the kubeconfig asks for");
  }
  const auto status = json.find("status");
  if (status == json.end() || !status->is_object()) return Failed(plugin, "wrote no status");
  ExecAnswer answer{text(*status, "token"), text(*status, "clientCertificateData"),
                    text(*status, "clientKeyData"), std::nullopt};
  if (answer.cert_pem.empty() != answer.key_pem.empty()) {
    return Failed(plugin, "gave a certificate without its key, or a key without its certificate");
  }
  if (answer.token.empty() && answer.cert_pem.empty()) {
    return Failed(plugin, "gave neither a token nor a certificate");
  }
  if (const std::string expires = text(*status, "expirationTimestamp"); !expires.empty()) {
    auto time = ParseTime(expires);
    if (!time) return Failed(plugin, "gave an expirationTimestamp that is not RFC 3339");
    answer.expires = *time;
  }
  return answer;
}

}  // namespace stoker::kube
