#pragma once

// Who we are towards the API server, now: tokens rotate, plugins' answers expire, certificates are
// replaced.
//
// Thread safety: all methods from any thread. A call may read a file or run a plugin (bounded by
// `budget`); callers that need the same answer wait for one another.

#include <memory>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/duration.h"
#include "controller/base/result.h"
#include "controller/kube/config.h"

namespace stoker::kube {

struct ClientCertificate {
  std::string cert_pem;  // both empty: none
  std::string key_pem;
};

class Credentials {
 public:
  virtual ~Credentials() = default;

  // The Authorization header; empty for none. Errors name the file or the plugin, never its
  // content.
  virtual Result<std::string> Authorization(Millis budget) = 0;
  // For a new connection.
  virtual Result<ClientCertificate> Certificate(Millis budget) = 0;
  // The server answered 401 to `used`: forgets what was cached, and says whether there may be
  // better now.
  virtual bool Refresh(const std::string& used) = 0;
};

// A token file is read again every minute; an exec plugin's answer is kept until it expires.
std::shared_ptr<Credentials> MakeCredentials(const Config& config,
                                             const Clock& clock = SystemClock());

}  // namespace stoker::kube
