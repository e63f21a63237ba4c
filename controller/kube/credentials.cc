#include "controller/kube/credentials.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "controller/base/hash.h"
#include "controller/kube/exec_plugin.h"

namespace stoker::kube {
namespace {

constexpr std::chrono::minutes kTokenFileAge(1);
constexpr Millis kMaxPluginTime(30'000);

Result<std::string> ReadWhole(const std::string& what, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{Code::kPermission, "the " + what + " " + path + " cannot be read"};
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// What goes into a header must not be able to end it.
Result<std::string> Bearer(const std::string& where, std::string token) {
  const auto is_space = [](unsigned char c) { return std::isspace(c) != 0; };
  token.erase(std::find_if_not(token.rbegin(), token.rend(), is_space).base(), token.end());
  token.erase(token.begin(), std::find_if_not(token.begin(), token.end(), is_space));
  if (token.empty()) return Error{Code::kPermission, "the token of " + where + " is empty"};
  const auto bad = [](unsigned char c) { return c <= ' ' || c >= 0x7f; };
  if (std::any_of(token.begin(), token.end(), bad)) {
    return Error{Code::kPermission,
                 "the token of " + where + " has blanks or control characters in it"};
  }
  return "Bearer " + token;
}

class ConfigCredentials final : public Credentials {
 public:
  ConfigCredentials(const Config& config, const Clock& clock) : config_(config), clock_(clock) {}

  Result<std::string> Authorization(Millis budget) override {
    if (!config_.token_file.empty()) return FromTokenFile();
    if (!config_.token.empty()) return Bearer("the kubeconfig", config_.token);
    if (!config_.username.empty()) {
      return "Basic " + Base64Encode(config_.username + ":" + config_.password);
    }
    if (!config_.exec) return std::string();
    STOKER_TRY(const ExecAnswer answer, PluginAnswer(budget));
    if (answer.token.empty()) return std::string();
    return Bearer("the exec plugin " + config_.exec->command, answer.token);
  }

  Result<ClientCertificate> Certificate(Millis budget) override {
    if (!config_.client_cert_pem.empty() || !config_.client_cert_file.empty()) {
      return ConfiguredCertificate();
    }
    if (!config_.exec) return ClientCertificate{};
    STOKER_TRY(ExecAnswer answer, PluginAnswer(budget));
    return ClientCertificate{std::move(answer.cert_pem), std::move(answer.key_pem)};
  }

  bool Refresh(const std::string& used) override {
    const std::lock_guard lock(mutex_);
    if (!config_.token_file.empty()) {
      file_token_.clear();
      const auto fresh = LoadTokenFile();
      return fresh && *fresh != used;
    }
    if (!config_.exec) return false;
    answer_.reset();
    return true;
  }

 private:
  Result<std::string> FromTokenFile() {
    const std::lock_guard lock(mutex_);
    const SteadyTime now = clock_.Steady();
    if (!file_token_.empty() && now - file_read_at_ < kTokenFileAge) return file_token_;
    auto loaded = LoadTokenFile();
    // A file that is being replaced may be missing for a moment; the last token is the best guess.
    if (!loaded && !file_token_.empty()) return file_token_;
    return loaded;
  }

  Result<std::string> LoadTokenFile() {
    STOKER_TRY(std::string text, ReadWhole("token file", config_.token_file));
    STOKER_TRY(file_token_, Bearer("the file " + config_.token_file, std::move(text)));
    file_read_at_ = clock_.Steady();
    return file_token_;
  }

  [[nodiscard]] Result<ClientCertificate> ConfiguredCertificate() const {
    ClientCertificate certificate{config_.client_cert_pem, config_.client_key_pem};
    if (certificate.cert_pem.empty()) {
      STOKER_TRY(certificate.cert_pem, ReadWhole("client certificate", config_.client_cert_file));
    }
    if (certificate.key_pem.empty()) {
      STOKER_TRY(certificate.key_pem, ReadWhole("client key", config_.client_key_file));
    }
    return certificate;
  }

  // Without a budget only what is known already, however old.
  Result<ExecAnswer> PluginAnswer(Millis budget) {
    const SteadyTime deadline = std::chrono::steady_clock::now() + budget;
    if (const auto known = KnownAnswer(budget)) return *known;
    if (budget <= Millis(0)) return ExecAnswer{};
    // One plugin at a time; who waits for its answer waits no longer than it may.
    const std::unique_lock turn(plugin_turn_, deadline);
    if (!turn) {
      return Timeout("the exec plugin " + config_.exec->command + " did not answer in time");
    }
    if (const auto known = KnownAnswer(budget)) return *known;
    const auto left = std::chrono::floor<Millis>(deadline - std::chrono::steady_clock::now());
    STOKER_TRY(ExecAnswer answer,
               RunExecPlugin(*config_.exec, ClusterInfo(), std::min(left, kMaxPluginTime)));
    const std::lock_guard lock(mutex_);
    answer_ = answer;
    return answer;
  }

  std::optional<ExecAnswer> KnownAnswer(Millis budget) {
    const std::lock_guard lock(mutex_);
    const bool fresh = answer_ && (!answer_->expires || clock_.Wall() < *answer_->expires);
    return fresh || budget <= Millis(0) ? answer_ : std::nullopt;
  }

  [[nodiscard]] std::string ClusterInfo() const {
    if (!config_.exec->provide_cluster_info) return {};
    nlohmann::json cluster = {{"server", config_.server}};
    if (!config_.ca_pem.empty()) {
      cluster["certificate-authority-data"] = Base64Encode(config_.ca_pem);
    }
    if (!config_.tls_server_name.empty()) cluster["tls-server-name"] = config_.tls_server_name;
    if (config_.insecure_skip_tls_verify) cluster["insecure-skip-tls-verify"] = true;
    return cluster.dump();
  }

  const Config config_;
  const Clock& clock_;
  std::timed_mutex plugin_turn_;  // taken before mutex_
  std::mutex mutex_;
  // Protected by mutex_.
  std::string file_token_;
  SteadyTime file_read_at_{};
  std::optional<ExecAnswer> answer_;
};

}  // namespace

std::shared_ptr<Credentials> MakeCredentials(const Config& config, const Clock& clock) {
  return std::make_shared<ConfigCredentials>(config, clock);
}

}  // namespace stoker::kube
