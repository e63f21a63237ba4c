#pragma once

// A connection string of PostgreSQL, taken apart and judged: what it may say is a short list.
//
// A string from a Secret could name files of the process (sslkey, passfile), another configuration
// (service), a unix socket, or an address that goes round the egress guard (hostaddr). So it is
// parsed, and the connection is made from the parameters below alone; any other is refused by its
// name. No sentence holds any part of the string but the names of parameters.
//
// Thread safety: pure.

#include <string>
#include <string_view>
#include <vector>

#include "controller/base/result.h"

namespace stoker::warming {

struct PostgresHost {
  std::string name;  // as certificates are checked against
  std::string port = "5432";
};

struct PostgresOptions {
  std::vector<PostgresHost> hosts;  // tried in order
  std::string user, password, database;
  std::string application_name = "stoker";
  std::string options;  // -c settings for the session, search_path for one
  std::string ssl_mode = "prefer";
  std::string ca_pem;  // certificates to trust; empty: the system's
};

// "postgresql://user:password@host:5432/database?sslmode=verify-full", or "host=... user=...".
Result<PostgresOptions> ParseConnectionString(const std::string& text);

}  // namespace stoker::warming
