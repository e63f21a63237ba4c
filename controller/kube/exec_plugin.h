#pragma once

// Runs a credential plugin (client.authentication.k8s.io/v1, v1beta1), as kubectl does with
// `users[].user.exec`. The plugin gets no terminal: its standard input is /dev/null.
//
// Thread safety: any thread. The plugin and what it started are ended at the time limit.

#include <optional>
#include <string>
#include <string_view>

#include "controller/base/clock.h"
#include "controller/base/duration.h"
#include "controller/base/result.h"
#include "controller/kube/config.h"

namespace stoker::kube {

struct ExecAnswer {
  std::string token;
  std::string cert_pem, key_pem;
  std::optional<WallTime> expires;  // unset: good until the server says 401
};

// `cluster_info` is the JSON of spec.cluster for plugins that asked for it, else empty.
Result<ExecAnswer> RunExecPlugin(const ExecCredential& plugin, std::string_view cluster_info,
                                 Millis timeout);

// The decoding alone. Errors never quote the plugin's output.
Result<ExecAnswer> ParseExecAnswer(const ExecCredential& plugin, std::string_view output);

}  // namespace stoker::kube
