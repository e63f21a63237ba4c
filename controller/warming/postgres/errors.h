#pragma once

// What went wrong at a PostgreSQL server, as an Error: may it pass, and one line that says it.
//
// Thread safety: pure.

#include <string_view>

#include "controller/base/result.h"

namespace stoker::warming {

// Of libpq's text for a connection that was not made; `where` is "host:port".
Error ExplainConnectFailure(std::string_view where, std::string_view text);
// Of an error that the server gave to a statement.
Error ExplainServerError(std::string_view sqlstate, std::string_view primary);

}  // namespace stoker::warming
