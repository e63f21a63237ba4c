#pragma once

// The shared test cluster, as tests see it: kubectl as its administrator, and its components.
//
// The ctest fixture `cluster` (tests/cluster/fixture) has brought it up with Stoker installed.
// Tests run one at a time, each in a namespace of its own, and leave the cluster as they found it.
//
// Thread safety: any thread.

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace stoker::testing {

// kubectl ARGS, with `input` as stdin (for `apply -f -`).
CommandResult Kubectl(const std::vector<std::string>& args, const std::string& input = {},
                      std::chrono::milliseconds timeout = std::chrono::minutes(2));

// kubectl ARGS -o json; null, and a test failure with kubectl's own words, where that fails.
nlohmann::json KubectlJson(std::vector<std::string> args);

// kubectl apply --server-side -k FOLDER, a folder of the source tree.
CommandResult ApplyFolder(const std::string& folder);

// tests/cluster/cluster ARGS: {"stop", "apiserver"}, {"start", "apiserver"}, ...
CommandResult Cluster(const std::vector<std::string>& args);

// A namespace that goes, with all in it, at the end of the test.
class TestNamespace {
 public:
  explicit TestNamespace(std::string name, bool in_process_allowed = true);
  ~TestNamespace();
  TestNamespace(const TestNamespace&) = delete;
  TestNamespace& operator=(const TestNamespace&) = delete;
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  std::string name_;
};

// One request of a controller, as the API server recorded it.
struct AuditEvent {
  std::string time;      // RFC 3339, with microseconds, when it was answered
  std::string pod;       // which replica asked
  std::string verb;      // get, list, watch, create, update, patch, delete
  std::string group;     // "" for core
  std::string resource;  // plural; with "/status" and the like
  std::string ns;
  std::string name;
  int code = 0;         // of the answer
  bool denied = false;  // by RBAC, not by a quota or a namespace that is going
};

// All requests of Stoker's controllers since the cluster came up, in order.
std::vector<AuditEvent> AuditLog();

// The pod of the controller that holds the Lease; empty while nobody does.
std::string LeaderPod();

}  // namespace stoker::testing
