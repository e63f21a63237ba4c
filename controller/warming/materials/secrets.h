#pragma once

// What policies keep in Secrets, as connections want it.
//
// Thread safety: pure functions. No error holds what a Secret holds.

#include <memory>
#include <optional>
#include <string>

#include "controller/api/types.h"
#include "controller/warming/materials/materials.h"
#include "controller/warming/net/tls.h"
#include "controller/warming/postgres/connection_string.h"

namespace stoker::warming {

// One key of a Secret.
Result<std::string> SecretKey(const Materials& materials, const api::KeyRef& ref);

// Secrets made from files end in a line break that nobody meant.
std::string WithoutLineEnd(std::string value);

// A connection to PostgreSQL from the string that a Secret holds, and certificates to trust.
Result<PostgresOptions> ToPostgresOptions(const api::KeyRef& connection_secret_ref,
                                          const std::optional<api::KeyRef>& ca_secret_ref,
                                          const Materials& materials);

// Null without a configuration: plain connections.
Result<std::shared_ptr<const TlsContext>> MakeTls(const std::optional<api::TlsConfig>& config,
                                                  const Materials& materials);

}  // namespace stoker::warming
