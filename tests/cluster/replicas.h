#pragma once

// The programs inside pods, as this machine sees them: what a test kills, stops and wakes.
//
// Nothing in Kubernetes pauses a container or kills it without telling it first; the node's own
// process table does.
//
// Thread safety: any thread.

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/cluster/arrivals.h"
#include "tests/cluster/kubectl.h"

namespace stoker::testing {

// The process of `program` in the pod of this UID; 0 where it does not run.
int HostPid(const std::string& pod_uid, const std::string& program);

// Sends the signal; a test failure where there is no such process.
void SignalPod(const nlohmann::json& pod, const std::string& program, int signal);

// The controller's Lease.
struct Lease {
  std::string pod;       // of the holder; empty: released
  std::string acquired;  // RFC 3339, with microseconds
  std::int64_t transitions = 0;
};
Lease ControllerLease();

// The pod of the controller that leads, once both replicas are ready.
nlohmann::json ReadyLeader();

// The Lease once another than `pod` holds it; nullopt after `timeout`.
std::optional<Lease> NextLeader(const std::string& pod, std::chrono::milliseconds timeout);

}  // namespace stoker::testing
