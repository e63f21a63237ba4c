#pragma once

// A table of PostgreSQL as a target: a cold tier that outlives every cache.
//
// Writes gather while the one before is under way, and go as one statement of many rows. A row that
// the server refuses for its own bytes is found by halving, so the others are written. Questions
// have a connection of their own and do not wait for writes.
//
// Thread safety: one loop.

#include <asio/io_context.hpp>
#include <memory>

#include "controller/api/types.h"
#include "controller/warming/net/egress.h"
#include "controller/warming/postgres/connection_string.h"
#include "controller/warming/target/target.h"

namespace stoker::warming {

std::unique_ptr<Target> MakeSqlTarget(asio::io_context& loop,
                                      std::shared_ptr<const EgressGuard> guard,
                                      const api::SqlTarget& spec, const PostgresOptions& options);

}  // namespace stoker::warming
