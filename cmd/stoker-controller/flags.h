#pragma once

// The controller's command line as one value.
//
// Thread safety: pure function but for the environment it reads.

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "controller/base/duration.h"
#include "controller/base/log.h"
#include "controller/kube/config.h"
#include "controller/kube/leader.h"
#include "controller/warming/net/egress_rules.h"

namespace stoker::controller {

struct Flags {
  kube::ConfigOptions kube;
  std::vector<std::string> namespaces;
  kube::LeaderOptions leader;
  std::string worker_image = "localhost/stoker:dev";
  std::string worker_image_pull_policy = "IfNotPresent";
  std::string health_address = "0.0.0.0";
  std::uint16_t health_port = 8081;
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kJson;
  int reconcile_workers = 4;
  int in_process_runs = 4;
  int loops = 0;
  Millis checkpoint_every{5000};
  Millis recheck_interval{30'000};
  warming::EgressRules egress;
};

// The flags, or the exit code (0 after --help or --version, 2 on bad flags; the text was printed).
std::variant<Flags, int> ParseFlags(int argc, char** argv);

}  // namespace stoker::controller
