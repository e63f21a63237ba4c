#pragma once

// A real API server with our CRDs, controllers as processes, and what a policy needs: an origin and
// a cache.
//
// Thread safety: the main thread. Everything ends with the binary.

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/api_server.h"
#include "tests/support/nginx_server.h"
#include "tests/support/redis_server.h"

namespace stoker::testing {

// Shared by the tests of this binary; CRDs applied, controller manager running.
ApiServer& Cluster();
// Applies our CRDs and waits until they are served.
void InstallCrds(const ApiServer& server);
// Where it writes down who asked what (audit.k8s.io/v1 events, a line each).
std::string AuditLog();

class ControllerProcess {
 public:
  // A short lease, so that takeovers are quick; in-process runs may dial 127.0.0.1. `flags` stand
  // in for those of the same name.
  explicit ControllerProcess(const std::string& lease, const std::vector<std::string>& flags = {});
  [[nodiscard]] Process& process() { return *process_; }
  [[nodiscard]] bool Leads() const {
    return process_->Output().find("\"leading\"") != std::string::npos;
  }

  [[nodiscard]] bool Healthy() const;  // as /healthz says

 private:
  std::unique_ptr<Process> process_;
};

// One namespace with a policy's surroundings.
class Shop {
 public:
  explicit Shop(const std::string& nginx_locations = "location / { return 200 value; }",
                bool in_process = true);

  ~Shop();  // its policies go too: their runs would take the places of other tests' runs
  Shop(const Shop&) = delete;
  Shop& operator=(const Shop&) = delete;

  [[nodiscard]] const std::string& ns() const { return ns_; }
  [[nodiscard]] NginxServer& nginx() { return nginx_; }
  [[nodiscard]] RedisServer& redis() { return redis_; }

  // A policy of `entries` keys "<name>:<i>"; `spec` is merged over it.
  [[nodiscard]] nlohmann::json Policy(const std::string& name, int entries,
                                      const nlohmann::json& spec = nlohmann::json::object()) const;
  void Apply(const nlohmann::json& object) const;
  // Null when there is none.
  [[nodiscard]] nlohmann::json Get(const std::string& kind, const std::string& name) const;
  [[nodiscard]] std::string Condition(const std::string& kind, const std::string& name,
                                      const std::string& type) const;  // "True/Warmed", ""
  [[nodiscard]] int Keys() const;
  [[nodiscard]] int Requests() const;

 private:
  std::string ns_;
  NginxServer nginx_;
  RedisServer redis_;
};

}  // namespace stoker::testing
